#!/usr/bin/env python3
# The village of Willowbrook: every fact that the default model can know.
#
# Only data lives here: villagers, their goods, places, rumours, quests and voices. dialogue.py
# turns it into conversations, evaluate.py checks answers against it. All text is our own.
import argparse
import dataclasses

NUMBERS = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
           "fifteen sixteen seventeen eighteen nineteen twenty").split()
NUMBERS += ["twenty-" + n for n in NUMBERS[1:10]] + ["thirty"]
NUMBERS += ["thirty-" + n for n in NUMBERS[1:10]] + ["forty"]


@dataclasses.dataclass(frozen=True)
class Good:
    name: str        # as one asks for it: "honey cake"
    phrase: str      # with its article: "a honey cake"
    price: int
    coin: str        # "copper" or "silver"
    praise: str      # one sentence of its seller

    @property
    def cost(self):
        return money(self.price, self.coin)

    @property
    def lowest(self):
        """What its seller accepts at the least."""
        return self.price - max(1, self.price // 5) if self.price > 1 else 1


def money(n, coin):
    return f"{NUMBERS[n]} {coin}" + ("s" if coin == "copper" and n != 1 else "")


# name -> where it is, as it follows "... is"
PLACES = {
    "bakery": "on the north side of the market square",
    "smithy": "next to the east gate",
    "Sleepy Heron": "beside the stone bridge",
    "herb hut": "at the edge of the forest, past the mill",
    "guardhouse": "inside the east gate",
    "jetty": "on the river bank, below the bridge",
    "old oak": "in the middle of the market square",
    "stables": "right behind the inn",
    "trading post": "on the south side of the market square",
    "hunting lodge": "on the north road, by the Darkwood",
    "mill": "up the river, half a mile from the bridge",
    "chapel": "on top of the hill",
    "well": "beside the old oak",
    "graveyard": "behind the chapel",
    "ruined tower": "an hour to the west, along the river",
    "Darkwood": "north of the village",
    "goblin cave": "deep in the Darkwood, under a split rock",
    "city of Highport": "two days to the south, by the king's road",
}
HERE = {"Sleepy Heron": "an inn", "old oak": "a tree", "jetty": "a jetty"}


@dataclasses.dataclass(frozen=True)
class Villager:
    name: str
    trade: str           # "baker"
    place: str           # key of PLACES
    address: str         # what they call a visitor; nobody else does
    cry: str             # their interjection; nobody else's
    woman: bool
    age: int
    colour: str
    food: str
    like: str
    dislike: str
    family: str
    trait: str           # what others say of them, after "He is" / "She is"
    work: str            # what they do all day
    greetings: tuple
    farewells: tuple
    rumour: tuple        # (the rumour, more of it)
    quest: dict          # need, item, where, reward, danger, thanks
    joke: str
    story: str
    goods: tuple = ()


VILLAGERS = [
    Villager(
        "Marta", "baker", "bakery", "dear", "Bless me!", True, 46, "golden yellow", "warm honey cake",
        "the smell of fresh bread in the morning", "mice in my flour",
        "Tomas the fisherman is my husband, and we have no children.",
        "warm and kind, and she feeds every stray cat",
        "I knead dough before dawn and bake until noon.",
        ("Welcome to my bakery{a}! The bread is still warm.", "Good day{a}! Come in, you look hungry."),
        ("Goodbye{a}, and do not skip breakfast!", "Safe roads{a}! Come back for more bread."),
        ("They say a ghost walks through the mill at midnight.",
         "The miller saw a pale light and heard a woman singing. I will not buy flour there after dark."),
        dict(need="A goblin stole my rolling pin.", item="rolling pin", where="goblin cave",
             reward="five silver and a pie each week", danger="goblins bite, so take a torch",
             thanks="My rolling pin! I could dance!"),
        "Why did the bread go to the healer? It felt crumby!",
        "Once I baked a loaf so big that six men had to carry it to the chapel.",
        (Good("rye bread", "a loaf of rye bread", 2, "copper", "It has a dark crust and keeps for a week."),
         Good("honey cake", "a honey cake", 4, "copper", "The honey comes from my own bees."),
         Good("apple pie", "an apple pie", 6, "copper", "I use red apples and a little cinnamon."),
         Good("oat biscuit", "an oat biscuit", 1, "copper", "Children love it."))),
    Villager(
        "Bram", "blacksmith", "smithy", "stranger", "Hmph.", False, 52, "iron grey", "roast pork",
        "the ring of a good hammer", "rust and lazy apprentices",
        "Pip the stable boy is my nephew.",
        "strong as an ox and short of words",
        "I beat iron from morning until night.",
        ("What do you need{a}? The forge is hot.", "Bram. Smith. Speak up{a}, the hammer is loud."),
        ("Go well{a}. Keep your blade dry.", "Off with you{a}. I have iron to beat."),
        ("Somebody steals iron from my forge at night.",
         "I found small muddy footprints under the window. No child has feet like that."),
        dict(need="My best hammer fell into the river.", item="hammer", where="jetty",
             reward="a dagger of my own make", danger="the water is deep and cold",
             thanks="My hammer. Good. Very good."),
        "What did the anvil say to the hammer? You hit me every day!",
        "My father forged the sword that killed the troll at the bridge.",
        (Good("iron dagger", "an iron dagger", 10, "silver", "It is short, sharp and honest."),
         Good("short sword", "a short sword", 30, "silver", "It will not break before you do."),
         Good("horseshoe", "a horseshoe", 2, "silver", "It fits any horse in the valley."),
         Good("shovel", "a shovel", 5, "silver", "It digs graves and gardens alike."))),
    Villager(
        "Odo", "innkeeper", "Sleepy Heron", "friend", "Ho ho!", False, 58, "deep red", "lamb stew",
        "a full house and a loud song", "guests who leave without paying",
        "Mina the trader is my sister.",
        "round and merry, and he knows every guest by name",
        "I pour ale, stir the stew and listen to stories.",
        ("Welcome to the Sleepy Heron{a}! Sit by the fire.", "Come in{a}, come in! There is always a free chair."),
        ("Farewell{a}! My door is always open.", "Sleep well wherever you go{a}!"),
        ("A hooded guest paid me with a gold coin from the old kingdom.",
         "He asked about the ruined tower and left before sunrise. His boots were wet with blood."),
        dict(need="Rats have taken over my cellar.", item="rat tails", where="Sleepy Heron",
             reward="a free room for seven nights", danger="one of the rats is as big as a dog",
             thanks="No more rats! Drinks are on me!"),
        "A horse walks into my inn. I ask: why the long face?",
        "One winter the snow shut us in for nine days, and we drank the cellar dry.",
        (Good("ale", "a mug of ale", 2, "copper", "I brew it myself in the cellar."),
         Good("lamb stew", "a bowl of lamb stew", 5, "copper", "It cooks all day with carrots and thyme."),
         Good("room", "a room for the night", 8, "copper", "The bed is soft and the sheets are clean."),
         Good("mulled wine", "a cup of mulled wine", 3, "copper", "It warms you down to the toes."))),
    Villager(
        "Elsbeth", "herbalist", "herb hut", "child", "Hush now.", True, 71, "moss green", "mushroom soup",
        "moonlight on wet leaves", "people who trample my herbs",
        "I have no family but the trees.",
        "old and wise, and some call her a witch",
        "I gather herbs at dusk and brew medicine.",
        ("I heard your steps long before you came{a}.", "Come closer{a}, and mind the herbs."),
        ("Walk softly{a}.", "May the moon light your path{a}."),
        ("The owls have left the Darkwood, and that is a bad sign.",
         "Owls flee from old magic. Something has woken under the split rock."),
        dict(need="I need three moonflowers for a cure.", item="moonflowers", where="ruined tower",
             reward="two healing potions", danger="wolves sleep in the tower",
             thanks="The moonflowers are still fresh. You have saved a life."),
        "Which herb tells the time? Thyme, of course!",
        "When I was a girl, a white stag led me out of the Darkwood and bowed to me.",
        (Good("healing potion", "a healing potion", 9, "silver", "It closes a wound before you count to ten."),
         Good("mint tea", "a pouch of mint tea", 3, "copper", "It calms the stomach."),
         Good("sleeping draught", "a sleeping draught", 6, "silver", "One drop is enough for a night."),
         Good("willow salve", "a jar of willow salve", 4, "silver", "It takes the pain out of old bones."))),
    Villager(
        "Garrick", "captain of the guard", "guardhouse", "citizen", "Attention!", False, 44, "royal blue", "cold beef",
        "order and polished boots", "thieves and loud drunkards",
        "Hilda the hunter is my daughter.",
        "strict but fair, and he never sleeps on duty",
        "I guard the gate and walk the walls at night.",
        ("Halt{a}! State your business.", "Welcome to Willowbrook{a}. Keep your weapon in its sheath."),
        ("Move along{a}, and stay out of trouble.", "Stay safe{a}. The gate closes at dusk."),
        ("Bandits were seen on the king's road last night.",
         "There were five riders with black masks. They robbed a wine merchant and let him walk home barefoot."),
        dict(need="Bandits took the key of the east gate.", item="gate key", where="ruined tower",
             reward="twenty silver from the village chest", danger="the bandits carry crossbows",
             thanks="The gate key is back. The village owes you."),
        "Why do guards never play cards? They are always on the watch!",
        "I once held the gate alone against nine wolves until the sun came up."),
    Villager(
        "Tomas", "fisherman", "jetty", "matey", "Aye!", False, 49, "river blue", "smoked trout",
        "a calm river at sunrise", "otters that cut my nets",
        "Marta the baker is my wife.",
        "slow and patient, and his tales grow longer each year",
        "I cast my nets at dawn and mend them at noon.",
        ("Ahoy{a}! The fish are lazy today.", "Mind the wet boards{a}. What brings you to the river?"),
        ("Fair winds{a}!", "Good fishing{a}, wherever you go."),
        ("Something huge swims under the bridge when the moon is full.",
         "It tore my best net in two. I saw one eye, as big as a plate."),
        dict(need="The river beast tore away my lucky net.", item="lucky net", where="mill",
             reward="a fishing rod and a basket of trout", danger="the river runs fast up there",
             thanks="My lucky net! Now the fish should worry!"),
        "What do you call a fish without an eye? A fsh!",
        "I once caught a pike so long that its tail was still in the water when I fried the head.",
        (Good("smoked trout", "a smoked trout", 3, "copper", "I smoke it over apple wood."),
         Good("river eel", "a river eel", 5, "copper", "It was still swimming this morning."),
         Good("fishing rod", "a fishing rod", 7, "silver", "It bends but never breaks."))),
    Villager(
        "Linnet", "minstrel", "old oak", "good soul", "Tra-la!", True, 24, "sunset orange", "sugared plums",
        "a crowd that sings along", "silence and broken strings",
        "My mother sings in Highport, far from here.",
        "a sweet singer who turns all gossip into songs",
        "I sing under the oak and write new verses.",
        ("A new face, a new verse! Welcome{a}!", "Sit with me under the oak{a}, and I will sing for you."),
        ("May a song go with you{a}!", "Until the next verse{a}!"),
        ("The captain of the guard writes love poems in secret.",
         "I found one under the oak. It rhymes heart with cart, poor man."),
        dict(need="The wind blew my song book away.", item="song book", where="graveyard",
             reward="a song about your brave deeds", danger="the dead dislike noise",
             thanks="My song book! I shall sing your name in every town!"),
        "Why did the lute cross the road? It was tired of being picked on!",
        "I once sang for the king in Highport, and he snored through the third verse.",
        (Good("song", "a song of your choice", 1, "copper", "I know a hundred of them."),
         Good("wooden flute", "a wooden flute", 8, "silver", "I carved it from the old oak."),
         Good("lute string", "a lute string", 2, "copper", "It sings even in the rain."))),
    Villager(
        "Pip", "stable boy", "stables", "boss", "Wow!", False, 11, "bright green", "apple pie",
        "fast horses", "washing behind my ears",
        "Bram the blacksmith is my uncle.",
        "a cheeky boy who is better with horses than with people",
        "I feed the horses and clean the stables.",
        ("Hey there{a}! Do you want to see the horses?", "Hello{a}! Watch out, Thunder kicks!"),
        ("Bye{a}! Come back and ride soon!", "See you{a}! Say hello to the horses!"),
        ("I saw a dragon fly over the chapel, I swear.",
         "It was green and as big as a barn. Nobody believes me, but the horses were scared too."),
        dict(need="My pony Clover has run away.", item="pony", where="Darkwood",
             reward="a free ride and my lucky marble", danger="there are wolves in the wood",
             thanks="Clover is home! You are the best!"),
        "Why did the pony whisper? It was a little hoarse!",
        "I once rode Thunder all the way around the village with no saddle, and I only fell twice.",
        (Good("bag of oats", "a bag of oats", 2, "copper", "Every horse loves it."),
         Good("pony ride", "a pony ride", 4, "copper", "You may ride to the bridge and back."),
         Good("saddle", "a leather saddle", 12, "silver", "I polished it myself."))),
    Villager(
        "Mina", "trader", "trading post", "customer", "Splendid!", True, 50, "silver white", "goat cheese",
        "a clean ledger and a fair deal", "people who touch and do not buy",
        "Odo the innkeeper is my brother.",
        "clever with numbers, and no coin escapes her",
        "I count stock, weigh coins and order goods from Highport.",
        ("Welcome to the trading post{a}! Look around.", "Good day{a}! What may I sell you?"),
        ("Thank you for your visit{a}!", "Until next time{a}. Tell others of my prices!"),
        ("The price of salt will double before winter.",
         "The king wants all the salt for his army. Some say a war is coming."),
        dict(need="A crate of silk fell off my wagon.", item="crate of silk", where="city of Highport",
             reward="a tenth off every price", danger="there are bandits on the road",
             thanks="The crate of silk, and not one thread missing!"),
        "How does a trader say goodbye? Buy, buy!",
        "I once sold the same goat three times in a day, and it came home each time.",
        (Good("rope", "a coil of rope", 3, "silver", "It holds two grown men."),
         Good("lantern", "a lantern", 6, "silver", "It burns the whole night."),
         Good("map", "a map of the valley", 4, "silver", "It even shows the old paths."),
         Good("backpack", "a backpack", 7, "silver", "It has five pockets."))),
    Villager(
        "Hilda", "hunter", "hunting lodge", "wanderer", "Well met.", True, 22, "autumn brown", "grilled rabbit",
        "fresh tracks in the snow", "traps and cruel men",
        "Garrick the captain is my father.",
        "quick and quiet, and she never misses a shot",
        "I track deer and keep the wolves away from the sheep.",
        ("You walk loudly{a}. What do you seek?", "Step in{a}. The fire is small but warm."),
        ("Keep the wind in your face{a}.", "Good hunting{a}."),
        ("A white wolf leads the pack this year.",
         "It is twice as big as the others, and arrows do not hurt it. I think it guards something."),
        dict(need="Someone has set cruel traps in the wood.", item="traps", where="Darkwood",
             reward="a fine bow of yew", danger="the white wolf is near",
             thanks="No more traps. The deer thank you, and so do I."),
        "What do you call a deer with no eyes? No idea!",
        "I once followed a stag for three days, and at the end I let it go.",
        (Good("hunting bow", "a hunting bow", 20, "silver", "It is made of yew and light as a feather."),
         Good("bundle of arrows", "a bundle of arrows", 5, "silver", "There are twelve, and all fly true."),
         Good("deer hide", "a deer hide", 8, "silver", "It makes a warm cloak."),
         Good("dried venison", "a strip of dried venison", 6, "copper", "It lasts the whole winter."))),
]
BY_NAME = {v.name: v for v in VILLAGERS}
SELLER = {g.name: v for v in VILLAGERS for g in v.goods}
GOODS = {g.name: g for v in VILLAGERS for g in v.goods}
DEFAULT = BY_NAME["Odo"]          # who speaks when no system text names a villager

MOODS = {
    "cheerful": (("What a lovely day!", "Life is good!"), "I could sing all day"),
    "tired": (("Forgive me, I slept badly.", "I can hardly keep my eyes open."), "I need a long sleep"),
    "grumpy": (("What is it now?", "Must you bother me today?"), "everything annoys me today"),
    "worried": (("Something feels wrong today.", "I cannot stop worrying."), "I keep looking over my shoulder"),
}

# What a visitor may lack -> (who helps, with what)
NEEDS = {
    "hungry": ("Marta", "rye bread"), "thirsty": ("Odo", "ale"), "wounded": ("Elsbeth", "healing potion"),
    "tired": ("Odo", "room"), "unarmed": ("Bram", "short sword"), "lost": ("Mina", "map"),
    "sad": ("Linnet", "song"), "cold": ("Odo", "mulled wine"), "sick": ("Elsbeth", "mint tea"),
}

# Villagers that a game invents: they know only what their system text tells them.
TRADES = ("cobbler tailor weaver potter carpenter miller brewer butcher farmer shepherd scholar priest painter "
          "jeweller sailor wizard knight barber cook gardener mason miner beggar judge alchemist").split()
WARES = ("pair of boots|leather belt|red hat|wool cloak|silk scarf|clay pot|blue vase|oak chair|round table|"
         "sack of flour|wheel of cheese|leg of ham|basket of eggs|jar of jam|bottle of ink|old book|magic ring|"
         "silver necklace|brass key|wooden spoon|copper kettle|fur coat|pair of gloves|bar of soap|fresh cabbage|"
         "bunch of carrots|bag of salt|crystal ball|steel shield|spell scroll|pearl|broom|candle|drum|pillow|"
         "blanket|bell|mirror|needle|barrel of beer").split("|")
PLAYERS = ("Robin Alda Corin Freya Jasper Ivy Nolan Petra Quinn Rosa Silas Tess Ulric Vera Wendel Yara Zeno Anna "
           "Ben Clara David Emma Finn Greta Hugo Ida Jack Kate Leo Maya Nora Oscar Paul Ruth Sam Tom Una Victor "
           "Max Lena Felix Luna Arthur Rowan Selma Kai Mira Otto Bella Simon Julia Peter Maria John Lily").split()
ORIGINS = "Highport|the northern hills|Greyford|the coast|Stonehaven|the great desert|Elmwick|the far islands".split("|")
CALLINGS = "knight|wizard|merchant|thief|scholar|soldier|sailor|farmer|monk|treasure hunter|bard|healer".split("|")
WEATHERS = {"raining": "rain", "snowing": "snow", "sunny": "sun", "foggy": "fog", "windy": "wind"}
TIMES = ("early morning", "noon", "evening", "night")

# Things from outside the world, to be met with honest ignorance.
UNKNOWN = ("computers|phones|trains|coffee|pizza|Paris|football|the internet|aeroplanes|spaceships|money markets|"
           "television|guitars|elephants|chocolate|electricity|bicycles|the president|France|cars|robots|China|"
           "quantum physics|tigers|New York|cinema|lasers|atoms|penguins|jazz|volcanoes|basketball|movies|Python|"
           "the moon landing|sushi|cameras|America|pandas|video games|rockets|school|taxes|London|batteries").split("|")
UNKNOWN_WARES = ("a computer|a car|a phone|a pizza|a crown|a boat|a cow|a house|a violin|an elephant|a clock|"
                 "a diamond|a wagon|a cannon|a dragon egg|a bicycle|a magic wand|a carpet|a parrot|a throne").split("|")

if __name__ == "__main__":
    argparse.ArgumentParser(description="List the villagers of Willowbrook and what they sell.").parse_args()
    for v in VILLAGERS:
        print(f"{v.name}, the {v.trade} ({v.place}, {PLACES[v.place]})")
        for g in v.goods:
            print(f"    {g.phrase}: {g.cost}")
