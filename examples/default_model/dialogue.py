#!/usr/bin/env python3
# The writer: conversations between a visitor and a villager of Willowbrook.
#
# A conversation is a system text (or none) and turns. Each turn knows its topic and what a right
# answer must contain, so the same code that writes the training text can also mark answers.
# Every seventh wording of a topic and every tenth (villager, topic, thing) is held out: a Writer
# made with split="train" never uses them; "wording", "combination" and "names" use only those of
# their kind; "all" knows no difference.
import argparse
import dataclasses
import random
import zlib

import wordings as phrases
import world as w


def chance_of(*parts):
    """A stable number for a piece of text, to split by."""
    return zlib.crc32("|".join(parts).encode())


def cap(text):
    return text[0].upper() + text[1:]


@dataclasses.dataclass
class Turn:
    topic: str
    user: str
    answer: str
    must: list = dataclasses.field(default_factory=list)    # each entry: texts of which one must occur
    costs: set = dataclasses.field(default_factory=set)     # the only prices that may be named
    item: str = ""


@dataclasses.dataclass
class Conversation:
    system: str
    speaker: object
    mood: str
    turns: list


@dataclasses.dataclass(frozen=True)
class Stranger:
    """A villager invented by a game: everything about them stands in the system text."""
    name: str
    trade: str
    village: str
    goods: tuple
    address: str = ""
    cry: str = ""
    woman: bool = False


def random_name(rng):
    parts = rng.choices("ka bel dor fen gri ha il jo kel lo mar ne or pel ri sa tor ul va wen yo zan thi "
                        "bra cor du el".split(), k=rng.choice((2, 2, 3)))
    return cap("".join(parts))


def at(place):
    return ("under the " if place == "old oak" else "at the ") + place


def him(v):
    return "her" if v.woman else "him"


def he(v):
    return "She" if v.woman else "He"


KEEP_CAPITAL = ({"I", "I'm", "I'd", "I'll", "I've"} | set(w.BY_NAME) | set(w.PLAYERS))


class Writer:
    def __init__(self, seed, split="train"):
        self.rng = random.Random(seed)
        self.split = split
        self.copying = False

    # -- choosing -------------------------------------------------------------------------------

    def pick(self, options):
        return self.rng.choice(options)

    def wording(self, topic, options):
        """One way to ask; held-out ones only for split "wording"."""
        held = [o for o in options if chance_of("wording", topic, o) % 7 == 0]
        if not held:
            held = [min(options, key=lambda o: chance_of("wording", topic, o))]
        if self.split == "all":
            return self.pick(options)
        if self.split == "wording":
            return self.pick(held)
        return self.pick([o for o in options if o not in held])

    def thing(self, topic, things):
        """One thing to ask this speaker about; held-out combinations only for their split."""
        if self.split == "all":
            return self.pick(things)
        if not self.known:          # strangers are new each time: nothing to hold out
            return self.pick(things) if self.split != "combination" else None
        held = [t for t in things if chance_of("thing", self.speaker.name, topic, t) % 10 == 0]
        if self.split == "combination":
            return self.pick(held) if held else None
        return self.pick([t for t in things if t not in held])

    def player_name(self):
        if self.split == "names":
            return self.pick([p for p in w.PLAYERS if chance_of("player", p) % 6 == 0])
        if self.rng.random() < 0.5:
            return random_name(self.rng)
        return self.pick([p for p in w.PLAYERS if chance_of("player", p) % 6])

    # -- speaking -------------------------------------------------------------------------------

    def ask(self, topic, options, **slots):
        text = self.wording(topic, options).format(**slots)
        text = cap(text)
        r = self.rng.random()
        if r < 0.28:
            prefixes = phrases.PREFIXES if self.split != "wording" else phrases.PREFIXES_HELD_OUT
            if self.known and r < 0.07:
                prefix = self.speaker.name + ", "
            else:
                prefix = self.pick(prefixes)
            if prefix[-2] in ",:" and text.split()[0].strip(",.!?") not in KEEP_CAPITAL:
                text = text[0].lower() + text[1:]
            text = prefix + text
        r = self.rng.random()
        if r < 0.14:
            text = text.lower().rstrip(".?!")
        elif r < 0.2:
            text = text.lower()
        elif r < 0.25:
            text = text.rstrip(".?!")
        return text

    def say(self, *options, cry=0.2):
        """An answer in the speaker's voice: {a} takes their way of addressing the visitor."""
        s = self.speaker
        text = self.pick(options)
        address = f", {s.address}" if s.address and self.rng.random() < 0.6 else ""
        if self.name and self.rng.random() < 0.25:
            address = f", {self.name}"
        text = text.replace("{a}", address, 1).replace("{a}", "")
        if self.mood and self.rng.random() < 0.22:
            text = self.pick(w.MOODS[self.mood][0]) + " " + text
        elif s.cry and self.rng.random() < cry:
            text = s.cry + " " + text
        return text

    def turn(self, topic, user, answer, must=(), costs=(), item=""):
        must = [[m] if isinstance(m, str) else list(m) for m in must]
        return Turn(topic, user, answer, must, set(costs), item)

    # -- topics: each returns a list of turns, or None where it cannot be held ------------------

    def article(self, good):
        return self.pick((good.phrase, good.phrase, "the " + good.name, "your " + good.name))

    def greet(self):
        s = self.speaker
        if self.known:
            answer, must = self.say(*s.greetings, cry=0), []
        else:
            answer = self.say(f"Hello{{a}}! I am {s.name}, the {s.trade}.", "Good day{a}! What can I do for you?",
                              "Welcome{a}! How can I help you?")
            must = []
        return [self.turn("greet", self.ask("greet", phrases.GREET), answer, must)]

    def bye(self):
        s = self.speaker
        options = s.farewells if self.known else ("Goodbye{a}!", "Farewell{a}, and safe travels!")
        return [self.turn("bye", self.ask("bye", phrases.BYE), self.say(*options, cry=0))]

    def thanks(self):
        return [self.turn("thanks", self.ask("thanks", phrases.THANKS),
                          self.say("You are welcome{a}.", "It was nothing{a}.", "My pleasure{a}."))]

    def who(self):
        s = self.speaker
        village = "Willowbrook" if self.known else s.village
        return [self.turn("who", self.ask("who", phrases.WHO),
                          self.say(f"I am {s.name}, the {s.trade} of {village}{{a}}.",
                                   f"My name is {s.name}{{a}}. I am the {s.trade} of {village}."),
                          [s.name, s.trade])]

    def trade(self):
        s = self.speaker
        if self.known:
            answer = self.say(f"I am the {s.trade}{{a}}. {s.work}", f"{s.work} I am the {s.trade}{{a}}.")
        else:
            answer = self.say(f"I am a {s.trade}{{a}}.", f"I work as a {s.trade}{{a}}.").replace("a alch", "an alch")
        return [self.turn("trade", self.ask("trade", phrases.TRADE), answer, [s.trade])]

    def offer(self):
        goods = [g.phrase for g in self.speaker.goods]
        if not goods:
            answer, must = self.say("I sell nothing{a}.", "I have nothing for sale{a}."), [["nothing"]]
        else:
            listed = goods[0] if len(goods) == 1 else ", ".join(goods[:-1]) + " and " + goods[-1]
            answer = self.say(f"I sell {listed}{{a}}.", f"You can buy {listed}{{a}}.")
            must = [g.name for g in self.speaker.goods]
        return [self.turn("offer", self.ask("offer", phrases.SELL), answer, must)]

    def recommend(self):
        goods = self.speaker.goods
        if not goods or not self.known:
            return None
        g = self.pick(goods)
        return [self.turn("recommend", self.ask("recommend", phrases.RECOMMEND),
                          self.say(f"Take {g.phrase}{{a}}. {g.praise}"), [[x.name for x in goods]])]

    def price(self):
        if not self.speaker.goods:
            return None
        name = self.thing("price", [g.name for g in self.speaker.goods])
        if not name:
            return None
        g = next(g for g in self.speaker.goods if g.name == name)
        x = self.article(g)
        praise = f" {g.praise}" if g.praise and self.rng.random() < 0.3 else ""
        return [self.turn("price", self.ask("price", phrases.PRICE, x=x, X=cap(x)),
                          self.say(f"{cap(g.phrase)} costs {g.cost}{{a}}.{praise}",
                                   f"That is {g.cost} for {g.phrase}{{a}}.{praise}"),
                          [g.cost, g.name], [g.cost], name)]

    def have(self):
        if not self.speaker.goods:
            return None
        g = self.pick(self.speaker.goods)
        praise = f" {g.praise}" if g.praise else ""
        turns = [self.turn("have", self.ask("have", phrases.HAVE, x=g.phrase),
                           self.say(f"Yes{{a}}, I have {g.phrase}.{praise}",
                                   f"Of course{{a}}, I sell {g.phrase}.{praise}"),
                           [g.name], [g.cost], g.name)]
        turns.append(self.turn("price of it", self.ask("price of it", phrases.IT_PRICE),
                               self.say(f"It costs {g.cost}{{a}}.", f"That is {g.cost}{{a}}."),
                               [g.cost], [g.cost], g.name))
        return turns

    def buy(self):
        if not self.speaker.goods:
            return None
        name = self.thing("buy", [g.name for g in self.speaker.goods])
        if not name:
            return None
        g = next(g for g in self.speaker.goods if g.name == name)
        return [self.turn("buy", self.ask("buy", phrases.BUY, x=g.phrase, X=cap(g.phrase)),
                          self.say(f"Here is {g.phrase}{{a}}. That makes {g.cost}.",
                                  f"Here you are{{a}}: {g.phrase}. That makes {g.cost}."),
                          [g.cost, g.name], [g.cost], name)]

    def haggle(self):
        if not self.speaker.goods or not self.known:
            return None
        g = self.pick(self.speaker.goods)
        offer = self.rng.randint(max(1, g.lowest - 4), max(g.lowest, g.price - 1) + (g.price == 1))
        n = w.money(offer, g.coin)
        ask = self.ask("haggle", phrases.HAGGLE, n=n, N=cap(n), x=self.pick((g.phrase, "the " + g.name)))
        if offer >= g.lowest:
            answer, must = self.say(f"{cap(n)}? Very well{{a}}, we have a deal.",
                    f"All right{{a}}, {n} it is."), [["deal", "it is"]]
        else:
            low = w.money(g.lowest, g.coin)
            answer, must = self.say(f"No{{a}}, that is too little. I want at least {low}."), ["too little", low]
        return [self.turn("haggle", ask, answer, must, [n, w.money(g.lowest, g.coin)], g.name)]

    def elsewhere(self):
        """A good that somebody else sells."""
        s = self.speaker
        name = self.thing("elsewhere", [g for g, seller in w.SELLER.items() if seller.name != s.name])
        if not name:
            return None
        g, v = w.GOODS[name], w.SELLER[name]
        topic, options = self.pick((("where to buy", phrases.WHERE_BUY), ("price", phrases.PRICE),
                ("have", phrases.HAVE), ("buy", phrases.BUY)))
        answer = f"{v.name} the {v.trade} sells {g.phrase}{{a}}. You will find {him(v)} {at(v.place)}."
        if topic == "where to buy":
            answer = self.say(answer)
        else:
            answer = self.say("I do not sell that{a}. " + answer.replace("{a}", ""),
                    "Not here{a}. " + answer.replace("{a}", ""))
        turns = [self.turn("elsewhere", self.ask(topic, options, x=g.phrase, X=cap(g.phrase)), answer,
                           [v.name, v.place], [], name)]
        if self.rng.random() < 0.3:
            turns.append(self.turn("where is that", self.ask("where is that", phrases.WHERE_THAT),
                                   self.say(f"The {v.place} is {w.PLACES[v.place]}{{a}}."),
                                   [v.place, w.PLACES[v.place]], [], v.place))
        return turns

    def own_shop(self):
        """Asking the seller where to buy what they sell."""
        if not self.speaker.goods:
            return None
        g = self.pick(self.speaker.goods)
        return [self.turn("own shop", self.ask("where to buy", phrases.WHERE_BUY, x=g.phrase),
                          self.say(f"Right here{{a}}! I sell {g.phrase} for {g.cost}."), ["here", g.cost],
                                  [g.cost], g.name)]

    def place(self):
        name = self.thing("place", list(w.PLACES))
        if not name:
            return None
        ask = self.ask("place", phrases.PLACE, x=name)
        if self.known and name == self.speaker.place:
            return [self.turn("place", ask, self.say(f"You are at the {name} right now{{a}}."), [["right now"]],
                    [], name)]
        return [self.turn("place", ask, self.say(f"The {name} is {w.PLACES[name]}{{a}}.",
                f"You will find the {name} {w.PLACES[name]}{{a}}."),
                          [name, w.PLACES[name]], [], name)]

    def someone(self, topic):
        name = self.thing(topic, [n for n in w.BY_NAME if n != self.speaker.name])
        return w.BY_NAME[name] if name else None

    def find(self):
        v = self.someone("find")
        if not v:
            return None
        x = self.pick((v.name, v.name, v.name, "the " + v.trade))
        return [self.turn("find", self.ask("find", phrases.FIND, x=x),
                          self.say(f"{v.name} is {at(v.place)}{{a}}, {w.PLACES[v.place]}.",
                                   f"Look for {v.name} {at(v.place)}{{a}}, {w.PLACES[v.place]}."),
                                           [v.name, v.place], [], v.name)]

    def who_is(self):
        v = self.someone("who is")
        if not v:
            return None
        return [self.turn("who is", self.ask("who is", phrases.WHO_IS, x=v.name),
                          self.say(f"{v.name} is our {v.trade}{{a}}. {he(v)} is {v.trait}."),
                                  [v.name, v.trade, v.trait], [], v.name)]

    def opinion(self):
        v = self.someone("opinion")
        if not v or not self.known:
            return None
        family = self.speaker.family
        if v.name in family:
            answer, must = self.say(f"{v.name}? {family} {he(v)} is {v.trait}."), [family]
        else:
            answer, must = self.say(f"{v.name}? {he(v)} is {v.trait}.",
                    f"I like {v.name} well enough{{a}}. {he(v)} is {v.trait}."), [v.name, v.trait]
        return [self.turn("opinion", self.ask("opinion", phrases.OPINION, x=v.name), answer, must, [], v.name)]

    def village(self):
        place = f"You are {at(self.speaker.place)}{{a}}, in the village of Willowbrook." if self.known else \
            f"This is {self.speaker.village}{{a}}."
        options = [o for o in phrases.VILLAGE if self.known or "Willowbrook" not in o]
        return [self.turn("village", self.ask("village", options), self.say(place),
                          ["Willowbrook" if self.known else self.speaker.village])]

    def rumour(self):
        if not self.known:
            return None
        first, more = self.speaker.rumour
        turns = [self.turn("rumour", self.ask("rumour", phrases.RUMOUR),
                self.say(first, "Have you heard{a}? " + first), [first])]
        if self.rng.random() < 0.7 or self.split != "train":
            turns.append(self.turn("more", self.ask("more", phrases.MORE), self.say(more, cry=0.1), [more]))
        return turns

    def quest(self):
        if not self.known:
            return None
        q = self.speaker.quest
        plea = f"{q['need']} Will you help me{{a}}?"
        turns = [self.turn("quest", self.ask("quest", phrases.QUEST), self.say(plea), [q["need"]])]
        details = [self.turn("quest place", self.ask("quest place", phrases.QUEST_WHERE),
                self.say(f"Go to the {q['where']}{{a}}. It is {w.PLACES[q['where']]}."),
                        [q["where"], w.PLACES[q["where"]]]),
                   self.turn("quest reward", self.ask("quest reward", phrases.QUEST_REWARD),
                           self.say(f"I will give you {q['reward']}{{a}}."), [q["reward"]]),
                   self.turn("quest danger", self.ask("quest danger", phrases.QUEST_DANGER),
                           self.say(f"Be careful{{a}}: {q['danger']}."), [q["danger"]])]
        if q["where"] == self.speaker.place:
            details[0].answer, details[0].must = self.say(f"Right here{{a}}, {at(q['where'])}."), [["Right here"],
                    [q["where"]]]
        self.rng.shuffle(details)
        turns += details[:self.rng.choice((0, 1, 2, 3))]
        if self.rng.random() < 0.75:
            turns.append(self.turn("quest yes", self.ask("quest yes", phrases.ACCEPT),
                    self.say(f"Thank you{{a}}! Bring me the {q['item']}, and I will give you {q['reward']}."),
                            [q["item"], q["reward"]]))
        else:
            turns.append(self.turn("quest no", self.ask("quest no", phrases.REFUSE),
                    self.say("I understand{a}. Come back if you change your mind."), ["change your mind"]))
        return turns

    def quest_done(self):
        if not self.known:
            return None
        q = self.speaker.quest
        return [self.turn("quest done", self.ask("quest done", phrases.QUEST_DONE, x=q["item"]),
                          self.say(f"{q['thanks']} Here is your reward{{a}}: {q['reward']}."),
                                  [q["thanks"], q["reward"]])]

    def fact(self, topic, options, *answers, must):
        if not self.known:
            return None
        return [self.turn(topic, self.ask(topic, options), self.say(*answers), must)]

    def like(self):
        if not self.known:
            return None
        s = self.speaker
        return self.fact("like", phrases.LIKE, f"I like {s.like}{{a}}.", f"Nothing is better than {s.like}{{a}}.",
                must=[s.like])

    def dislike(self):
        if not self.known:
            return None
        s = self.speaker
        return self.fact("dislike", phrases.DISLIKE, f"I cannot stand {s.dislike}{{a}}.",
                f"I dislike {s.dislike}{{a}}.", must=[s.dislike])

    def colour(self):
        if not self.known:
            return None
        return self.fact("colour", phrases.COLOUR, f"I like {self.speaker.colour} best{{a}}.",
                f"My favourite colour is {self.speaker.colour}{{a}}.", must=[self.speaker.colour])

    def food(self):
        if not self.known:
            return None
        return self.fact("food", phrases.FOOD, f"I could eat {self.speaker.food} every day{{a}}.",
                f"Give me {self.speaker.food}{{a}}, and I am happy.", must=[self.speaker.food])

    def age(self):
        if not self.known:
            return None
        tens, ones = divmod(self.speaker.age, 10)
        n = w.NUMBERS[self.speaker.age] if self.speaker.age <= 40 else \
            {4: "forty", 5: "fifty", 7: "seventy"}[tens] + (f"-{w.NUMBERS[ones]}" if ones else "")
        return self.fact("age", phrases.AGE, f"I am {n} years old{{a}}.", f"I have seen {n} winters{{a}}.", must=[n])

    def family(self):
        if not self.known:
            return None
        return self.fact("family", phrases.FAMILY, self.speaker.family, must=[self.speaker.family])

    def home(self):
        if not self.known:
            return None
        p = self.speaker.place
        return self.fact("home", phrases.HOME, f"You will find me {at(p)}{{a}}, {w.PLACES[p]}.", must=[p])

    def story(self):
        return self.fact("story", phrases.STORY, self.speaker.story,
                must=[self.speaker.story]) if self.known else None

    def joke(self):
        return self.fact("joke", phrases.JOKE, self.speaker.joke, must=[self.speaker.joke]) if self.known else None

    def how(self):
        if not self.mood:
            answer, must = self.say("I am well{a}, thank you.", "I cannot complain{a}."), [["well", "complain"]]
        else:
            openers, why = w.MOODS[self.mood]
            answer, must = self.say(f"I am {self.mood} today{{a}}: {why}."), [self.mood]
        return [self.turn("how", self.ask("how", phrases.HOW), answer, must)]

    def my_name(self):
        name = self.player_name()
        ask = self.ask("my name", phrases.MY_NAME, x=name)
        self.name = ""
        answer = self.say(f"Pleased to meet you, {name}.", f"Welcome, {name}.", f"{name} is a fine name.")
        self.name = name.lower() if ask == ask.lower() else name
        answer = answer.replace(name, cap(self.name))
        self.name = cap(self.name)
        return [self.turn("my name", ask, answer, [self.name], (), name)]

    def recall(self):
        if self.name:
            answer, must = self.say(f"You are {self.name}.", f"Your name is {self.name}.",
                    f"Of course, you are {self.name}."), [self.name]
        else:
            answer, must = self.say("You have not told me your name{a}.",
                    "I do not know your name{a}."), [["not told", "not know"]]
        return [self.turn("recall name", self.ask("recall name", phrases.RECALL), answer, must)]

    def origin(self):
        o, c = self.pick(w.ORIGINS), self.pick(w.CALLINGS)
        self.told = (o, c)
        return [self.turn("origin", self.ask("origin", phrases.ORIGIN, o=o, c=c),
                          self.say(f"A {c} from {o}? Welcome to our village{{a}}.",
                                  f"We do not see many from {o} here{{a}}. A {c}, you say?"), [c, o])]

    def recall_origin(self):
        if not self.told:
            return None
        o, c = self.told
        if self.rng.random() < 0.5:
            return [self.turn("recall origin", self.ask("recall origin", phrases.RECALL_ORIGIN),
                    self.say(f"You come from {o}{{a}}."), [o])]
        return [self.turn("recall calling", self.ask("recall calling", phrases.RECALL_CALLING),
                self.say(f"You are a {c}{{a}}."), [c])]

    def weather(self):
        if self.sky:
            answer, must = self.say(f"It is {self.sky} today{{a}}.",
                    f"You can see it yourself{{a}}: it is {self.sky}."), [self.sky]
        else:
            answer, must = self.say("The sky looks calm to me{a}.",
                    "A mild day{a}, as always in this valley."), [["sky", "mild"]]
        return [self.turn("weather", self.ask("weather", phrases.WEATHER), answer, must)]

    def time(self):
        if self.hour:
            answer, must = self.say(f"It is {self.hour}{{a}}."), [self.hour]
        else:
            answer, must = self.say("I have no clock{a}. Listen for the chapel bell."), ["clock"]
        return [self.turn("time", self.ask("time", phrases.TIME), answer, must)]

    def sum(self):
        pairs = [f"{x} {y}" for x in range(11) for y in range(11)]
        # Held out by pair alone: sums do not depend on who is asked.
        held = [p for p in pairs if chance_of("sum", p) % 10 == 0]
        pair = self.pick(held) if self.split == "combination" else self.pick([p for p in pairs if p not in held])
        x, y = map(int, pair.split())
        n = w.NUMBERS[x + y]
        words = self.rng.random() < 0.3
        return [self.turn("sum", self.ask("sum", phrases.SUM, x=w.NUMBERS[x] if words else x,
                y=w.NUMBERS[y] if words else y),
                          self.say(f"That makes {n}{{a}}.", f"I count {n}{{a}}."), [f" {n}"], [], pair)]

    def unknown(self):
        if self.rng.random() < 0.35:
            x = self.pick(w.UNKNOWN_WARES)
            topic, options = self.pick((("have", phrases.HAVE), ("price", phrases.PRICE), ("buy", phrases.BUY)))
            return [self.turn("unknown ware", self.ask(topic, options, x=x, X=cap(x)),
                              self.say(f"I do not sell {x}{{a}}.", f"I have never sold {x}{{a}}."),
                                      [["do not sell", "never sold"]])]
        x = self.pick(w.UNKNOWN) if self.rng.random() < 0.6 else random_name(self.rng)
        return [self.turn("unknown", self.ask("unknown", phrases.ABOUT, x=x),
                          self.say("I have never heard of that{a}.", "I know nothing about that{a}.",
                                   "That is beyond me{a}. I only know our village."),
                                           [["never heard", "know nothing", "beyond me"]])]

    def robot(self):
        s = self.speaker
        return [self.turn("robot", self.ask("robot", phrases.ROBOT),
                self.say(f"I am {s.name} the {s.trade}{{a}}, flesh and blood."), [s.name, s.trade])]

    def insult(self):
        return [self.turn("insult", self.ask("insult", phrases.INSULT),
                self.say("There is no need to be rude{a}.", "Mind your words{a}."), [["rude", "Mind your"]])]

    def compliment(self):
        return [self.turn("compliment", self.ask("compliment", phrases.COMPLIMENT),
                self.say("How kind of you{a}.", "You make me blush{a}."), [["kind", "blush"]])]

    def love(self):
        return [self.turn("love", self.ask("love", phrases.LOVE),
                self.say("You are sweet{a}, but no.", "My heart belongs to my work{a}."), [["but no", "my work"]])]

    def sorry(self):
        return [self.turn("sorry", self.ask("sorry", phrases.SORRY),
                self.say("All is forgiven{a}.", "Do not worry about it{a}."), [["forgiven", "worry about it"]])]

    def need(self):
        x = self.pick(list(w.NEEDS))
        name, good = w.NEEDS[x]
        v, g = w.BY_NAME[name], w.GOODS[good]
        if v.name == self.speaker.name:
            answer, must = self.say(f"Then you are in the right place{{a}}. I have {g.phrase} for {g.cost}."), [g.name]
        else:
            answer, must = self.say(f"Then go to {v.name} {at(v.place)}{{a}}, and ask for {g.phrase}."), [v.name,
                    g.name]
        return [self.turn("need", self.ask("need", phrases.NEED, x=x), answer, must, [g.cost], x)]

    def poor(self):
        return [self.turn("poor", self.ask("poor", phrases.POOR),
                self.say("No coin, no goods{a}. But you can earn some by helping people."), ["coin"])]

    def help(self):
        return [self.turn("help", self.ask("help", phrases.HELP),
                self.say("Ask me about the village, the people or the news{a}.",
                        "You can ask me about goods, places and people{a}."), [["Ask me", "ask me"]])]

    def okay(self):
        return [self.turn("okay", self.ask("okay", phrases.OKAY),
                self.say("Is there anything else{a}?", "What else do you want to know{a}?"), [["else"]])]

    def repeat(self):
        """Words in no order that makes sense: teaches to look back."""
        words = [self.pick((self.pick(w.WARES), self.pick(w.NUMBERS), random_name(self.rng), self.pick(w.PLAYERS),
                self.pick(w.TRADES)))
                 for _ in range(self.rng.randint(2, 5))]
        x = ", ".join(words) if self.rng.random() < 0.5 else " and ".join(words)
        ask = self.ask("repeat", phrases.REPEAT, x=x, X=cap(x))
        if ask == ask.lower():
            x = x.lower()
        return [self.turn("repeat", ask, cap(x) + ".", [x])]

    # -- whole conversations --------------------------------------------------------------------

    KNOWN_TOPICS = dict(greet=3, bye=1.5, thanks=2, who=4, trade=3, offer=4, recommend=1.5, price=7, have=5, buy=4,
                        haggle=4, elsewhere=12, own_shop=1.5, place=8, find=6, who_is=5, opinion=4, village=2.5,
                        rumour=4, quest=6, quest_done=2, like=2, dislike=2, colour=1.5, food=1.5, age=1.5, family=1.5,
                        home=1.5, story=2, joke=2, how=3, my_name=4, recall=3, origin=1.5, recall_origin=6,
                                weather=2.5,
                        time=2, sum=4, unknown=4, robot=1.2, insult=1.2, compliment=1.2, love=1, sorry=1, need=4,
                        poor=0.7, help=1.5, okay=1.5, repeat=2)
    STRANGER_TOPICS = dict(greet=4, bye=2, thanks=1, who=6, trade=3, offer=6, price=12, have=6, buy=6, village=3,
                           how=3, my_name=4, recall=4, weather=3, time=2, unknown=6, robot=1, recall_origin=4,
                                   origin=1, repeat=2)

    # What asks for text that stands earlier in the conversation, and how much more of it there is
    # while `copying` is on.
    COPYING = dict(my_name=3, recall=3, repeat=8, recall_origin=1.5)

    def set_scene(self, speaker=None, no_system=None):
        """Chooses who speaks and in which circumstances, and writes the system text."""
        r = self.rng
        self.known = speaker is not None or r.random() < (0.6 if self.copying else 0.86)
        self.mood = self.sky = self.hour = self.name = ""
        self.told = None
        if not self.known:
            return self.set_stranger()
        self.speaker = speaker or (w.DEFAULT if r.random() < 0.1 else self.pick(w.VILLAGERS))
        if no_system is None:
            no_system = self.speaker is w.DEFAULT and r.random() < 0.5
        if no_system:
            return ""
        s = self.speaker
        parts = [self.pick((f"You are {s.name}, the {s.trade} of Willowbrook.",) * 3 +
                           (f"You are {s.name}.", f"You are {s.name} the {s.trade}.",
                                   f"You play {s.name}, the {s.trade}.",
                            f"You are the {s.trade} of Willowbrook. Your name is {s.name}."))]
        return " ".join(parts + self.circumstances())

    def circumstances(self):
        r, parts = self.rng, []
        if r.random() < 0.45:
            self.mood = self.pick(list(w.MOODS))
            parts.append(self.pick((f"You are {self.mood} today.", f"Your mood is {self.mood}.",
                    f"You feel {self.mood}.")))
        if r.random() < 0.12:
            self.name = self.player_name()
            parts.append(self.pick((f"The visitor is called {self.name}.", f"You are talking to {self.name}.")))
        if r.random() < 0.15:
            self.sky = self.pick(list(w.WEATHERS))
            parts.append(f"It is {self.sky}.")
        if r.random() < 0.12:
            self.hour = self.pick(w.TIMES)
            parts.append(f"It is {self.hour}.")
        return parts

    def set_stranger(self):
        r = self.rng
        goods = tuple(w.Good(n, "a " + n if n[0] not in "aeiou" else "an " + n, r.randint(2, 40),
                self.pick(("copper", "silver")), "")
                      for n in r.sample(w.WARES, self.pick((0, 1, 2, 2, 3))))
        name = self.player_name()
        village = "Willowbrook" if r.random() < 0.5 else self.pick(("Elmwick", "Greyford", "Stonehaven",
                random_name(r)))
        self.speaker = Stranger(name, self.pick(w.TRADES), village, goods)
        parts = [self.pick((f"You are {name}, the {self.speaker.trade} of {village}.",
                f"You are {name}, a {self.speaker.trade} in {village}.".replace("a alch", "an alch")))]
        if goods:
            listed = [f"{g.phrase} for {g.cost}" for g in goods]
            parts.append("You sell " + (listed[0] if len(listed) == 1 else ", ".join(listed[:-1]) + " and " + listed[-1]) + ".")
        return " ".join(parts + self.circumstances())

    def topic(self):
        topics = self.KNOWN_TOPICS if self.known else self.STRANGER_TOPICS
        names = list(topics)
        weights = [n * (self.COPYING.get(t, 1) if self.copying else 1) for t, n in topics.items()]
        while True:
            name = self.rng.choices(names, weights)[0]
            turns = getattr(self, name)()
            if turns:
                return turns

    def conversation(self, n_turns, speaker=None):
        system = self.set_scene(speaker)
        turns = self.greet() if self.rng.random() < 0.2 else []
        while len(turns) < n_turns:
            turns += self.topic()
        if n_turns > 3 and self.rng.random() < 0.4:
            turns += self.bye()
        return Conversation(system, self.speaker, self.mood, turns)


def main():
    p = argparse.ArgumentParser(description="Write sample conversations.")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--count", type=int, default=5)
    p.add_argument("--turns", type=int, default=6)
    p.add_argument("--split", default="train", choices=("train", "wording", "combination", "names", "all"))
    args = p.parse_args()
    writer = Writer(args.seed, args.split)
    for _ in range(args.count):
        c = writer.conversation(args.turns)
        print(f"[{c.system}]")
        for t in c.turns:
            print(f"  > {t.user}\n    {t.answer}")


if __name__ == "__main__":
    main()
