// What templates say. The expected texts are those of Jinja 3.1 in Hugging Face's environment.
#include <gtest/gtest.h>

#include "base/expect_status.h"
#include "chat/jinja_testing.h"

namespace coterie {
namespace {

std::string rendered(std::string_view source, std::string_view variables = "{}") {
  MarkedText text;
  const Status status = test::render(source, variables, &text);
  return status.ok() ? std::string(text.bytes()) : "error: " + status.message();
}

struct Case {
  const char* source;
  const char* expected;
  const char* variables = "{}";
};

void expect_all(std::initializer_list<Case> cases) {
  for (const Case& c : cases) EXPECT_EQ(rendered(c.source, c.variables), c.expected) << c.source;
}

TEST(Jinja, TextAndWhiteSpace) {
  expect_all({
      {"", ""},
      {"a\n", "a"},
      {"a\n\n", "a\n"},
      {"a\r\nb\rc", "a\nb\nc"},
      {"{ {% if true %}\nx\n{% endif %}\ny", "{ x\ny"},
      {"a\n  {% if true %}\n  x\n  {% endif %}\n  y", "a\n  x\n  y"},
      {"a {% if true %} x {% endif %} y", "a  x  y"},
      {"  {%+ if true %}x{% endif +%}\ny", "  x\ny"},
      {" \n {%- if true -%} \n x \n {%- endif -%} \n y", "xy"},
      {"a\n  {# note #}\nb", "a\nb"},
      {"a {#- note -#} b", "ab"},
      {"a\n  {{ 1 }}\nb", "a\n  1\nb"},
      {"a {{- 1 -}} b", "a1b"},
      {"{% raw %}{{ x }}{% endraw %}{% raw -%} y {%- endraw %}", "{{ x }}y"},
      {"{{ '%}' }}{{ \"}}\" }}{{ {'a': {'b': 1}}['a']['b'] }}", "%}}}1"},
      {"{% generation %}a{% endgeneration %}", "a"},
      {"\u3000{{- 1 -}}\u00a0", "1"},
  });
}

TEST(Jinja, Literals) {
  expect_all({
      {"{{ 'a\\n\\t\\'\\\"\\\\\\x41\\u00e9\\q' }}", "a\n\t'\"\\A\u00e9\\q"},
      {"{{ 'a' 'b' }}", "ab"},
      {"{{ 12 }} {{ 1_000 }} {{ 1.50 }} {{ 1e3 }} {{ 1e16 }} {{ 0.00001 }} {{ -0.5 }}",
       "12 1000 1.5 1000.0 1e+16 1e-05 -0.5"},
      {"{{ true }} {{ False }} {{ none }} [{{ missing }}]", "True False None []"},
      {"{{ [1, 'a', none,] }} {{ {'a': [true]} }} {{ (1, 2) }} {{ ['it\\'s'] }}",
       "[1, 'a', None] {'a': [True]} [1, 2] [\"it's\"]"},
      {"{{ 1, 2 }}", "[1, 2]"},
  });
}

TEST(Jinja, Operators) {
  expect_all({
      {"{{ 1 + 2 * 3 - 4 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** 3 ** 2 }}", "3 3 -4 2 3.5 64"},
      {"{{ 'a' + 'b' }} {{ 'a' ~ 1 ~ none ~ missing }} {{ 'ab' * 2 }} {{ [1] + [2] }} {{ 'x' * -1 }}",
       "ab a1None abab [1, 2] "},
      {"{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 == 1.0 }} {{ 'a' == 1 }} {{ 'a' < 'b' }} {{ [1, {'a': 2}] == [1, {'a': "
       "2}] }}",
       "True False True False True True"},
      {"{{ 'b' in 'abc' }} {{ 1 in [1] }} {{ 'a' in {'a': 1} }} {{ 'x' not in 'abc' }} {{ 1 in missing }}",
       "True True True True False"},
      {"{{ not true or true and false }} {{ '' or 'x' }} {{ 'a' and 'b' }} {{ not 1 == 2 }}", "False x b True"},
      {"{{ 'a' if true else 'b' }} {{ 'a' if false }}. {{ 'a' if 0 else 'b' if 0 else 'c' }}", "a . c"},
      {"{{ -1 | abs }} {{ 1 + 'a' | length }}", "1 2"},
  });
}

TEST(Jinja, ItemsAndSlices) {
  expect_all({
      {"{{ [1,2,3][-1] }} {{ [1,2,3][5] is undefined }} {{ 'h\u00e9llo'[1] }} {{ 'h\u00e9llo'[-3:] }} {{ [1,2,3][::-1] "
       "}}",
       "3 True \u00e9 llo [3, 2, 1]"},
      {"{{ 'abcdef'[1:-1:2] }} {{ 'abc'[5:] }}. {{ 'abc'[:0] }}. {{ [1,2,3,4][3:0:-2] }}", "bd . . [4, 2]"},
      {"{{ m.a.b }} {{ m['a']['b'] }} {{ m.x is defined }} {{ m.items() | length }} {{ m['items'] }}", "1 1 False 2 y",
       "{\"m\": {\"a\": {\"b\": 1}, \"items\": \"y\"}}"},
      {"{{ m.get('a') }} {{ m.get('b') }} {{ m.get('b', 2) }} {{ m.keys() | list }} {{ m.values() | list }}",
       "1 None 2 ['a'] [1]", "{\"m\": {\"a\": 1}}"},
  });
}

TEST(Jinja, Statements) {
  expect_all({
      {"{% for x in [1, 2, 3] %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.first }}{{ loop.last }} {% "
       "endfor %}",
       "103TrueFalse 212FalseFalse 321FalseTrue "},
      {"{% for x in [] %}a{% else %}none{% endfor %}", "none"},
      {"{% for x in [1, 2, 3, 4] if x is even %}{{ x }}/{{ loop.length }} {% endfor %}", "2/2 4/2 "},
      {"{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}{{ v }}{% endfor %}", "a1b2"},
      {"{% for x in [1, 2, 3] %}{% if x == 2 %}{% continue %}{% endif %}{{ x }}{% endfor %}", "13"},
      {"{% for x in [1, 2, 3] %}{{ x }}{% if x == 2 %}{% break %}{% endif %}{% endfor %}", "12"},
      {"{% for x in [1, 2] %}{{ loop.previtem }}-{{ loop.nextitem }} {% endfor %}", "-2 1- "},
      {"{% for x in 'ab' %}{{ x }}.{% endfor %}{% for k in {'c': 1} %}{{ k }}{% endfor %}", "a.b.c"},
      {"{% set x = 1 %}{% for y in [1, 2] %}{{ x }}{% set x = y + 1 %}{{ x }} {% endfor %}{{ x }}", "12 13 1"},
      {"{% if true %}{% set x = 1 %}{% endif %}{{ x }}", "1"},
      {"{% set n = namespace(a=1) %}{% for y in [1, 2] %}{% set n.a = n.a + y %}{% endfor %}{{ n.a }}", "4"},
      {"{% set a, b = 1, 2 %}{{ b }}{% set c %}x{{ a }}{% endset %}{{ c }}{% set d | upper %}y{% endset %}{{ d }}",
       "2x1Y"},
      {"{% filter upper %}a{{ 'b' }}{% endfilter %}{% with x = 1, y = 2 %}{{ x + y }}{% endwith %}{{ x }}", "AB3"},
      {"{% if a %}1{% elif b %}2{% else %}3{% endif %}", "2", "{\"b\": true}"},
  });
}

TEST(Jinja, Macros) {
  expect_all({
      {"{% macro m(a, b=2) %}{{ a }}{{ b }} {% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(b=4, a=5) }}", "12 13 54 "},
      {"{% macro m(n) %}{{ n }}{% if n > 0 %}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(3) }}", "3210"},
      {"{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}x{% endcall %}", "<x>"},
      {"{% macro m() %}<{{ caller(1) }}>{% endmacro %}{% call(y) m() %}{{ y }}{% endcall %}", "<1>"},
      {"{% macro m() %}{{ x }}{% set x = 5 %}{{ x }}{% endmacro %}{% set x = 1 %}{{ m() }}{{ x }}", "151"},
      {"{% macro m() %}{{ x }}{% endmacro %}{% for x in [1] %}[{{ m() }}]{% endfor %}", "[]"},
  });
}

TEST(Jinja, StringMethods) {
  expect_all({
      {"{{ ' a '.strip() }}|{{ 'xay'.strip('xy') }}|{{ '\\n\\n a'.lstrip('\\n') }}|{{ 'a\u3000'.rstrip() }}|",
       "a|a| a|a|"},
      {"{{ 'a,b,c'.split(',') }} {{ 'a,b,c'.split(',', 1) }} {{ ' a  b '.split() }} {{ 'a b c'.split(none, 1) }} {{ "
       "'a,b,c'.rsplit(',', 1) }}",
       "['a', 'b', 'c'] ['a', 'b,c'] ['a', 'b'] ['a', 'b c'] ['a,b', 'c']"},
      {"{{ 'abc'.startswith('ab') }} {{ 'abc'.endswith(('x', 'c')) }} {{ 'aXb'.upper() }} {{ 'AB'.lower() }}",
       "True True AXB ab"},
      {"{{ 'a-b c'.title() }} {{ 'aB'.capitalize() }} {{ 'aaa'.replace('a', 'b', 2) }} {{ 'ab'.replace('', '.') }}",
       "A-B C Ab bba .a.b."},
      {"{{ 'h\u00e9l'.find('l') }} {{ 'a'.find('b') }} {{ 'aaa'.count('a') }} {{ '-'.join(['a', 'b']) }} {{ "
       "'a\\nb'.splitlines() }}",
       "2 -1 3 a-b ['a', 'b']"},
      {"{{ 'abc'.removeprefix('a') }} {{ 'abc'.removesuffix('c') }} {{ '12'.isdigit() }}", "bc ab True"},
  });
}

TEST(Jinja, Filters) {
  expect_all({
      {"{{ ' a ' | trim }} {{ 'h\u00e9' | length }} {{ [1, 2] | length }} {{ none | default('x') }} {{ m | "
       "default('x') }} {{ '' | default('x', true) }}",
       "a 2 2 None x x"},
      {"{{ [1, 2] | join(', ') }} {{ 'a' | upper }} {{ [3, 1] | sort }} {{ [1, 1, 2] | unique | list }} {{ 'ab' | list "
       "}}",
       "1, 2 A [1, 3] [1, 2] ['a', 'b']"},
      {"{{ [1, 2] | first }} {{ [1, 2] | last }} {{ [1, 2] | reverse | list }} {{ 'ab' | reverse }} {{ 3.7 | int }} {{ "
       "'3' | int + 1 }} {{ 'x' | int }}",
       "1 2 [2, 1] ba 3 4 0"},
      {"{{ [{'a': 1}, {'a': 2}, {}] | selectattr('a', 'equalto', 2) | list }} {{ [{'a': 1}, {}] | map(attribute='a', "
       "default=0) | list }}",
       "[{'a': 2}] [1, 0]"},
      {"{{ [1, 2, 3] | select('odd') | list }} {{ [1, 2] | reject('eq', 1) | list }} {{ ['a'] | map('upper') | list }}",
       "[1, 3] [2] ['A']"},
      {"{{ {'b': 1, 'a': 2} | dictsort }} {{ {'b': 1} | items | list }} {{ [1, 2] | sum }} {{ [1, 2] | max }}",
       "[['a', 2], ['b', 1]] [['b', 1]] 3 2"},
      {"{{ 'a\\nb\\n\\nc' | indent(2) }}", "a\n  b\n\n  c"},
      {"{{ '{\"a\": [1, 2.0]}' | from_json }}", "{'a': [1, 2.0]}"},
  });
}

TEST(Jinja, ToJson) {
  expect_all({
      {"{{ x | tojson }}",
       "{\"b\": 1, \"a\": [true, null, 1.0, 1.5e-07], \"s\": \"\u00e9\\n\\\"\\u0001/<\u007f\", \"e\": {}, \"l\": []}",
       "{\"x\": {\"b\": 1, \"a\": [true, null, 1.0, 1.5e-7], \"s\": \"\u00e9\\n\\\"\\u0001/<\\u007f\", \"e\": {}, "
       "\"l\": []}}"},
      {"{{ x | tojson(indent=2) }}", "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"e\": {}\n}",
       "{\"x\": {\"a\": [1, 2], \"e\": {}}}"},
      {"{{ x | tojson(ensure_ascii=true, sort_keys=true, separators=(',', ':')) }}",
       "{\"a\":\"\\u00e9\\ud83e\\udd99\",\"b\":1}", "{\"x\": {\"b\": 1, \"a\": \"\u00e9\U0001F999\"}}"},
  });
}

TEST(Jinja, Tests) {
  expect_all({
      {"{{ x is defined }} {{ y is undefined }} {{ none is none }} {{ 'a' is string }} {{ 1 is number }} {{ {} is "
       "mapping }} {{ [] is iterable }} {{ {} is sequence }}",
       "False True True True True True True True"},
      {"{{ 1 is not none }} {{ true is true }} {{ 1 is true }} {{ 'a' is iterable }} {{ 4 is divisibleby 2 }} {{ 1 is "
       "in [1] }} {{ 1 is eq(1) }} {{ 1 is integer }}",
       "True True False True True True True True"},
  });
}

TEST(Jinja, Functions) {
  expect_all({
      {"{{ range(3) | list }} {{ range(1, 6, 2) | list }} {{ range(3, 0, -1) | list }} {{ dict(a=1).a }}",
       "[0, 1, 2] [1, 3, 5] [3, 2, 1] 1"},
      {"{{ strftime_now('%Y-%m-%d %d %b %Y %A %H:%M:%S %-d %I%p %j %%') }}",
       "2026-03-05 05 Mar 2026 Thursday 15:07:09 5 03PM 064 %"},
  });
}

TEST(Jinja, ErrorsNameTheLineAndWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"a\n{{ x1.y.z }}", "line 2: cannot read an attribute of \"y\", which is undefined"},
      {"{{ x['y'] }}", "line 1: cannot read an item of \"x\", which is undefined"},
      {"\n\n{{ 'a' + 1 }}", "line 3: cannot calculate with a string and an integer"},
      {"{{ 'a' + none }}", "a string and none"},
      {"{{ raise_exception('No ' + 'way.') }}", "line 1: the template refuses these messages: No way."},
      {"{{ x() }}", "cannot call \"x\", which is undefined"},
      {"{{ 1 | nope }}", "the filter \"nope\""},
      {"{{ 1 is nope }}", "the test \"nope\""},
      {"{% include 'x' %}", "the statement \"include\""},
      {"{% if %}", "line 1: expected a value, found %}"},
      {"{% if x %}a", "expected endif, found the end of the template"},
      {"{% endif %}", "expected a statement, found \"endif\""},
      {"{{ 'a }}", "line 1: a string that does not end"},
      {"{{ a", "a tag that does not end"},
      {"{# a", "a comment that does not end"},
      {"{{ (1 }}", "closing bracket"},
      {"{{ 99999999999999999999 }}", "64 bits"},
      {"{{ 9223372036854775807 + 1 }}", "64 bits"},
      {"{{ 1 / 0 }}", "division by zero"},
      {"{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", "macro m takes at most 1 arguments, not 2"},
      {"{{ x | tojson }}", "cannot write as JSON \"x\", which is undefined"},
      {"{% for a, b in [1] %}{% endfor %}", "cannot go over an integer"},
      {"{% for a, b in [[1]] %}{% endfor %}", "cannot unpack 1 values into 2 names"},
      {"{% set x = 1 %}{% set x.y = 2 %}", "cannot set an attribute of an integer"},
  };
  for (const auto& [source, message] : cases) {
    const std::string said = rendered(source, "{\"x1\": {}}");
    EXPECT_NE(said.find(message), std::string::npos) << source << "\n  " << said;
  }
}

// ---- what is foreign stays foreign ----

std::string marks(std::string_view source, std::string_view variables = "{\"f\": \" a,b \", \"m\": {\"k\": \"v\"}}") {
  MarkedText text;
  const Status status = test::render(source, variables, &text);
  return status.ok() ? test::marked(text) : "error: " + status.message();
}

TEST(Marks, FollowTheBytes) {
  const std::pair<const char*, const char*> cases[] = {
      {"<{{ f }}>", "<« a,b »>"},
      {"{{ '<' + f + '>' ~ 1 }}", "<« a,b »>1"},
      {"{{ f.strip() }}{{ f | trim }}{{ f[1:3] }}{{ f[1] }}", "«a,ba,ba,a»"},
      {"{{ ('<' + f.strip() + '>').split(',') | join('/') }}", "<«a»/«b»>"},
      {"{{ ('<' + f + '>').strip('<> ') }}", "«a,b»"},
      {"{{ f.replace(',', '|') }}", "« a»|«b »"},
      {"{{ '<x>'.replace('x', f) }}", "<« a,b »>"},
      {"{{ f.upper() }}{{ ('<' + f) | upper }}{{ '<' | upper }}", "« A,B < A,B »<"},
      {"{{ m | tojson }}{{ {'k': 1} | tojson }}", "«{\"k\": \"v\"}»{\"k\": 1}"},
      {"{% for k, v in m.items() %}{{ k }}={{ v }}{% endfor %}{{ m.keys() | first }}", "«k»=«vk»"},
      {"{{ m }}", "{«'k'»: «'v'»}"},
      {"{{ ('[' + f + ']')[::-1] }}", "]« b,a »["},
      {"{% macro x(a) %}<{{ a }}>{% endmacro %}{{ x(f) }}", "<« a,b »>"},
      {"{% set y %}<{{ f }}>{% endset %}{{ y[0] }}{{ y[1:] }}", "<« a,b »>"},
      {"{% filter indent(1) %}a\n{{ f }}{% endfilter %}", "a\n « a,b »"},
      {"{{ '{\"a\": \"' + f + '\"}' }}{{ ('{\"a\": \"' + f + '\"}') | from_json }}",
       "{\"a\": \"« a,b »\"}{«'a'»: «' a,b '»}"},
      {"{{ [f, '<'] | join('-') }}{{ f | list | last }}{{ [f] | map('trim') | first }}", "« a,b »-<« a,b»"},
      {"{{ f | default('x') }}{{ f | safe }}{{ f | string }}", "« a,b  a,b  a,b »"},
      {"{{ f * 2 }}", "« a,b  a,b »"},
      {"{{ 'x'.join([f, f]) }}{{ f.join(['<', '>']) }}", "« a,b »x« a,b »<« a,b »>"},
      {"{{ [f, '<'] | sort | join }}", "« a,b »<"},
      {"{{ strftime_now(f) }}", "« a,b »"},
  };
  for (const auto& [source, expected] : cases) EXPECT_EQ(marks(source), expected) << source;
}

TEST(Marks, PartsAndJoins) {
  MarkedText text("ab", false);
  text.append("cd", true);
  text.append("ef", true);
  text.append("gh", false);
  text.append("", true);
  EXPECT_EQ(test::marked(text), "ab«cdef»gh");
  for (size_t begin = 0; begin <= text.size(); ++begin) {
    for (size_t end = begin; end <= text.size(); ++end) {
      MarkedText joined = text.part(0, begin);
      joined.append(text, begin, end);
      joined.append(text.part(end, text.size()));
      EXPECT_EQ(test::marked(joined), test::marked(text));
    }
  }
}

}  // namespace
}  // namespace coterie
