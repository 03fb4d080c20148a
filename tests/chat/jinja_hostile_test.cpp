// Templates that want to take forever, to take all memory or to overflow the stack, and damaged ones. In a file they
// come from strangers.
#include <gtest/gtest.h>
#include <pthread.h>

#include <time.h>

#include <functional>
#include <random>

#include "base/expect_status.h"
#include "chat/jinja_testing.h"

namespace coterie {
namespace {

#if defined(COTERIE_CHECKED)
constexpr int kPatience = 20;  // sanitizers are slow
#else
constexpr int kPatience = 1;
#endif
constexpr int kSmallStack = 512 << 10;  // bytes, as threads of hosts have them

// Runs work on a thread with little stack.
void on_small_stack(std::function<void()> work) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
#if !defined(COTERIE_CHECKED)
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, kSmallStack), 0);
#endif
  pthread_t thread;
  const auto run = [](void* w) -> void* { return (*static_cast<std::function<void()>*>(w))(), nullptr; };
  ASSERT_EQ(pthread_create(&thread, &attributes, run, &work), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

// Of the processor, so that other programs on the machine do not matter.
int64_t thread_ms() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
}

void expect_refused(const std::string& source, const std::string& variables = "{}") {
  on_small_stack([&] {
    MarkedText text;
    const int64_t start = thread_ms();
    const Status status = test::render(source, variables, &text);
    const int64_t ms = thread_ms() - start;
    EXPECT_FALSE(status.ok()) << source.substr(0, 200);
    EXPECT_TRUE(status.message().find("limit") != std::string::npos ||
                status.message().find("at most") != std::string::npos)
        << source.substr(0, 200) << "\n  " << status.message();
    EXPECT_LT(ms, 100 * kPatience) << source.substr(0, 200);
  });
}

std::string repeat(const std::string& text, size_t n) {
  std::string out;
  for (size_t i = 0; i < n; ++i) out += text;
  return out;
}

TEST(HostileTemplate, Loops) {
  expect_refused("{% for i in range(1000000000) %}{% endfor %}");
  expect_refused(
      "{% for i in range(999) %}{% for j in range(999) %}{% for k in range(999) %}x{% endfor %}{% endfor %}{% endfor "
      "%}");
  expect_refused("{{ range(9223372036854775807) }}");
  expect_refused("{{ range(0, -9223372036854775807, -1) | list }}");
  expect_refused("{% set x = range(9999) %}{% for i in x if i in x %}{% endfor %}");
}

TEST(HostileTemplate, Recursion) {
  expect_refused("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}");
  expect_refused(
      "{% macro m() %}{% if true %}{% for i in [1] %}{{ [m()] }}{% endfor %}{% endif %}{% endmacro %}{{ m() }}");
  expect_refused("{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() + a() }}{% endmacro %}{{ a() }}");
  expect_refused(
      "{% macro m() %}{{ caller() }}{% endmacro %}{% macro n() %}{% call m() %}{{ n() }}{% endcall %}{% endmacro %}{{ "
      "n() }}");
  expect_refused("{% macro m(n) %}{{ m(n) }}{{ m(n) }}{% endmacro %}{% macro k(a=k()) %}{% endmacro %}{{ k() }}");
}

TEST(HostileTemplate, GrowingStrings) {
  expect_refused("{% set n = namespace(s='xxxxxxxx') %}{% for i in range(99) %}{% set n.s = n.s + n.s %}{% endfor %}");
  expect_refused("{% set n = namespace(s='xxxxxxxx') %}{% for i in range(99) %}{% set n.s = n.s ~ n.s %}{% endfor %}");
  expect_refused("{{ 'x' * 9223372036854775807 }}");
  expect_refused("{{ 'xxxxxxxxx' * 999999999 }}");
  expect_refused("{{ [1] * 999999999999 }}");
  expect_refused(
      "{% set n = namespace(s='xx') %}{% for i in range(99) %}{% set n.s = n.s.replace('x', n.s) %}{% endfor %}");
  expect_refused(
      "{% set n = namespace(s='xx') %}{% for i in range(99) %}{% set n.s = n.s | list | join(n.s) %}{% endfor %}");
  expect_refused("{{ ('x\n' * 99999) | indent(900) }}");
  expect_refused("{% set n = namespace(s='\"') %}{% for i in range(99) %}{% set n.s = n.s | tojson %}{% endfor %}");
  expect_refused("{% set x = 'x' * 100000 %}{% for i in range(99999) %}{{ x }}{% endfor %}");
  expect_refused("{% for i in range(9999) %}" + repeat("0123456789", 1000) + "{% endfor %}");
}

TEST(HostileTemplate, GrowingLists) {
  expect_refused("{% set n = namespace(s=[1]) %}{% for i in range(99) %}{% set n.s = n.s + n.s %}{% endfor %}");
  expect_refused(
      "{% set n = namespace(s=[1]) %}{% for i in range(99) %}{% set n.s = [n.s, n.s] %}{% endfor %}{{ n.s }}");
  expect_refused(
      "{% set n = namespace(s=[1]) %}{% for i in range(99) %}{% set n.s = [n.s, n.s] %}{% endfor %}{{ n.s | tojson }}");
  expect_refused(
      "{% set n = namespace(s=[1]) %}{% for i in range(40) %}{% set n.s = [n.s, n.s] %}{% endfor %}{{ n.s == n.s }}");
}

TEST(HostileTemplate, DeepValues) {
  const std::string deep = "{% set n = namespace(s=[]) %}{% for i in range(9999) %}{% set n.s = [n.s] %}{% endfor %}";
  expect_refused(deep + "{{ n.s }}");
  expect_refused(deep + "{{ n.s | tojson }}");
  expect_refused(deep + "{{ n.s == [n.s] }}");
  MarkedText text;
  EXPECT_OK(test::render(deep + "{{ n.s | length }}", "{}", &text)) << "deep values alone are harmless";
  EXPECT_OK(test::render("{% set n = namespace() %}{% set n.n = n %}{{ n.n.n.n is defined }}", "{}", &text))
      << "as are cycles";
}

TEST(HostileTemplate, SlowOperations) {
  const std::string haystack = "{% set h = 'a' * 4000000 %}{% set n = 'a' * 99999 ~ 'b' %}";
  for (const char* slow :
       {"n in h", "h.split(n)", "h.replace(n, '')", "h.count(n)", "h.find(n)", "h.rsplit(n, 1)", "h.strip(n)",
        "h.strip(n + h)", "h | trim(n)", "h | length", "h[1:]", "h == h + ''", "h | upper | lower", "h | list"}) {
    expect_refused(haystack + "{% for i in range(99999) %}{{ '' if " + slow + " else '' }}{% endfor %}");
  }
  expect_refused("{% set x = range(9999) | list %}{{ x | map('string') | unique | list }}");
  expect_refused("{% for i in range(9999) %}{{ range(999) | sort(reverse=true) | first }}{% endfor %}");
}

TEST(HostileTemplate, DeepSource) {
  const auto nested = [](const char* open, const char* close, size_t n) {
    return repeat(open, n) + "1" + repeat(close, n);
  };
  for (size_t n : {100u, 10000u}) {
    for (const auto& [open, close] :
         {std::pair("(", ")"), {"[", "]"}, {"{'a':", "}"}, {"x[", "]"}, {"x(", ")"}, {"1|f(", ")"}}) {
      expect_refused("{{ " + nested(open, close, n) + " }}");
    }
    expect_refused("{{ " + repeat("not ", n) + "1 }}");
    expect_refused("{{ " + repeat("- ", n) + "1 }}");
    expect_refused("{{ " + repeat("1 if 1 else ", n) + "1 }}");
    expect_refused(nested("{% if 1 %}", "{% endif %}", n));
    expect_refused(nested("{% for i in [1] %}", "{% endfor %}", n));
    expect_refused("{{ 1" + repeat(" + 1", 4 * n) + " }}");
    expect_refused("{{ ''" + repeat("|trim", 4 * n) + " }}");
    expect_refused("{{ ''" + repeat(".strip()", 4 * n) + " }}");
  }
  expect_refused(repeat("x", (256 << 10) + 1));
  expect_refused("{% macro m() %}" + repeat("{% if 1 %}", 50) + "{{ " + repeat("[", 40) + "m()" + repeat("]", 40) +
                 " }}" + repeat("{% endif %}", 50) + "{% endmacro %}{{ m() }}");
}

TEST(HostileTemplate, ManyNames) {
  std::string source;
  for (int i = 0; i < 10000; ++i) source += "{% set v" + std::to_string(i) + " = 1 %}";
  source += "{% for i in range(99999) %}{{ v9999 }}{% endfor %}";
  expect_refused(source);
}

TEST(HostileTemplate, DeepVariables) {
  MarkedText text;
  EXPECT_ERROR(test::render("{{ x }}", "{\"x\": " + repeat("[", 100000) + repeat("]", 100000) + "}", &text),
               Code::kInvalidArgument, {"variables", "64 levels"});
  for (const char* bad : {"", "{", "[1,]", "{\"a\": \"\xff\"}", "{\"a\": 1e999}", "nul"}) {
    EXPECT_ERROR(test::render("", bad, &text), Code::kInvalidArgument, {"variables", "JSON"}) << bad;
  }
}

// ---- damaged templates ----

const char* const kSeeds[] = {
    "{% for m in messages %}{{ '<|' + m.role + '|>' }}{% if loop.first and m['content'] is not none %}{{ m.content | "
    "trim }}\n"
    "{%- elif loop.index0 > 0 %}{{ m.content.split('</think>')[-1].lstrip('\\n') }}{% else %}x{% endif %}{% endfor %}",
    "{%- macro f(x, y=[1, 2][::-1]) -%}{{ x ~ y | tojson(indent=2) }}{%- endmacro -%}{{ f(messages | length, y={'a': "
    "-1.5}) }}",
    "{% set ns = namespace(a='', n=0) %}{% for k, v in {'a': 1, 'b': messages}.items() if k is defined %}"
    "{% set ns.a = ns.a + k %}{% set ns.n = ns.n + (v if v is number else v | length) %}{% endfor %}{{ ns.a }}{{ ns.n "
    "}}",
    "{# note -#} {{- messages[-1]['content'][1:3] * 2 if messages else raise_exception('none') }}{% raw %}{{ }}{% "
    "endraw %}",
    "{% macro w(i) %}{{ caller(i) }}{% endmacro %}{% set x %}{% filter upper %}a{% endfilter %}{% endset %}{% call(z) "
    "w(1) %}{{ z }}"
    "{% endcall %}{{ messages | map(attribute='role') | select('equalto', 'user') | list | join(', ') }}",
};
constexpr const char* kVariables =
    R"({"messages": [{"role": "user", "content": "Hi é"}, {"role": "assistant", "content": "<think>a</think>\n b"}]})";

std::string damaged(std::string source, std::mt19937& rng) {
  static const std::string kParts[] = {
      "{%",       "%}",          "{{",    "}}", "{#",   "-",    "(",    ")",    "[",    "]",    "'",         "\"",
      "|",        ".",           "~",     "*",  "**",   " if ", " in ", " is ", "not ", "else", "endfor",    "loop",
      "messages", "99999999999", "range", "\\", "\xff", "é",    "=",    ",",    ":",    "0",    "namespace("};
  for (size_t n = 1 + rng() % 4; n > 0; --n) {
    const size_t at = rng() % (source.size() + 1), length = rng() % 8;
    switch (rng() % 4) {
      case 0: source.insert(at, kParts[rng() % std::size(kParts)]); break;
      case 1: source.erase(at, length); break;
      case 2: source.insert(at, source.substr(rng() % (source.size() + 1), 3 * length)); break;
      default:
        if (at < source.size()) source[at] = static_cast<char>(rng());
    }
  }
  return source;
}

TEST(HostileTemplate, DamageEndsInTextOrAnError) {
  constexpr uint32_t kSeed = 20260305;
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  std::mt19937 rng(kSeed);
  int n_rendered = 0;
  constexpr int kTemplates = 30000;
  for (int i = 0; i < kTemplates; ++i) {
    MarkedText text;
    const std::string source = damaged(kSeeds[rng() % std::size(kSeeds)], rng);
    const Status status = test::render(source, kVariables, &text, {.n_steps = 20000, .n_bytes = 1 << 20});
    n_rendered += status.ok();
    ASSERT_NE(status.ok(), !status.message().empty()) << source;
  }
  std::printf("seed %u: %d of %d damaged templates rendered\n", kSeed, n_rendered, kTemplates);
  EXPECT_GT(n_rendered, kTemplates / 50);
  for (const char* seed : kSeeds) {
    MarkedText text;
    EXPECT_OK(test::render(seed, kVariables, &text)) << seed;
  }
}

}  // namespace
}  // namespace coterie
