#!/usr/bin/env python3
# How a visitor may put each question: one list for each topic, with {slots} for things and names.
#
# dialogue.py keeps about every seventh of these out of training, to ask them in the evaluation.
import argparse

PREFIXES = ("Excuse me, ", "Hello, ", "Hi! ", "Good day! ", "Please, ", "Hey, ", "Sorry, ", "Tell me, ", "So, ",
            "One more thing: ", "Well, ", "By the way, ", "Hello there! ", "Listen, ", "Greetings. ", "Oh, ")
PREFIXES_HELD_OUT = ("Pardon me, ", "Ah, ", "Quick question: ", "Good evening. ")
GREET = ("Hello!|Hi.|Good morning!|Good day.|Greetings!|Hey there.|Hello there!|Good evening.|Hi there!|Well met!|"
         "Hey!|Good afternoon!|Howdy!|Hello, how do you do?|Nice to meet you.|Salutations!").split("|")
BYE = ("Goodbye!|Bye.|Farewell!|See you later.|I have to go now.|I must leave.|Good night!|Until next time.|"
       "That is all, goodbye.|Take care!|I will be on my way.|So long!|See you tomorrow.|I am leaving now.").split("|")
THANKS = ("Thank you!|Thanks.|Thank you very much.|Thanks a lot!|That is very kind of you.|Many thanks!|"
          "Great, thank you.|Thanks for your help.|I am grateful.|That helps, thanks.|You have been helpful.").split("|")
WHO = ("Who are you?|What is your name?|What are you called?|Tell me who you are.|Can you introduce yourself?|"
       "Who am I talking to?|May I ask your name?|What should I call you?|And you are?|I do not think we have met. "
       "Who are you?|Your name?|Do I know you?|How should I call you?|Please tell me your name.").split("|")
TRADE = ("What do you do?|What is your trade?|What is your job?|What do you do for a living?|What is your work?|"
         "How do you earn your bread?|What do you do all day?|Tell me about your work.|What kind of work do you do?|"
         "What keeps you busy?|Do you work here?|How do you spend your days?").split("|")
SELL = ("What do you sell?|What can I buy here?|What do you have for sale?|Show me your wares.|Do you sell anything?|"
        "What goods do you have?|What is for sale?|I would like to buy something.|What do you offer?|"
        "What have you got?|Can I see your goods?|I want to trade.|What are you selling?|Got anything to sell?").split("|")
RECOMMEND = ("What do you recommend?|What is your best ware?|What should I buy?|Which of your goods is the best?|"
             "What would you choose?|What is good here?|Do you have a favourite among your goods?|"
             "Sell me something nice.").split("|")
PRICE = ("How much is {x}?|What does {x} cost?|What is the price of {x}?|How many coins for {x}?|"
         "How much do you want for {x}?|What do you charge for {x}?|Can you tell me the price of {x}?|"
         "I wonder what {x} costs.|How much would I pay for {x}?|Is {x} expensive?|Give me a price for {x}.|"
         "How much does {x} cost?|What would {x} cost me?|{X}, how much?|Price of {x}?|And how much for {x}?|"
         "What do I pay for {x}?|How much for {x}?").split("|")
HAVE = ("Do you have {x}?|Do you sell {x}?|Is there {x} for sale?|Have you got {x}?|I am looking for {x}.|"
        "I need {x}.|Can I get {x} here?|Could you sell me {x}?|Do you happen to have {x}?|I am searching for {x}.|"
        "Any chance you have {x}?").split("|")
IT_PRICE = ("How much is it?|What does it cost?|And the price?|How much?|What do you want for it?|"
            "How many coins is that?|Is it expensive?|And how much is that?|How much would that be?|"
            "What is the price of it?|What do I owe you?").split("|")
BUY = ("I would like {x}.|I will take {x}, please.|Can I buy {x}?|Sell me {x}, please.|Give me {x}.|I want to buy {x}.|"
       "I'd like to buy {x}.|{X}, please.|May I have {x}?|Let me have {x}.|I'll have {x}.|Please sell me {x}.").split("|")
WHERE_BUY = ("Where can I buy {x}?|Who sells {x}?|Where do I get {x}?|Where can I find {x}?|Who has {x} for sale?|"
             "Do you know who sells {x}?|Where could I get {x}?|Who could sell me {x}?|Which shop sells {x}?|"
             "Where does one buy {x} here?").split("|")
WHERE_THAT = ("Where is that?|And where is that?|How do I get there?|Which way is it?|Is it far?|Where exactly?|"
              "What is the way there?").split("|")
HAGGLE = ("Will you take {n} for {x}?|I offer you {n} for {x}.|Would you sell {x} for {n}?|How about {n} for {x}?|"
          "I can pay {n} for {x}.|I will give you {n} for {x}.|{N} for {x}, deal?|Could I have {x} for {n}?|"
          "My offer for {x} is {n}.|Let us say {n} for {x}.").split("|")
PLACE = ("Where is the {x}?|How do I get to the {x}?|Can you show me the way to the {x}?|Which way is the {x}?|"
         "How can I find the {x}?|I am looking for the {x}.|Where can I find the {x}?|Do you know where the {x} is?|"
         "I want to go to the {x}.|Is the {x} far from here?|What is the way to the {x}?|The {x}, where is it?|"
         "Point me to the {x}, please.|Could you tell me the way to the {x}?").split("|")
FIND = ("Where is {x}?|Where can I find {x}?|Do you know where {x} is?|Have you seen {x}?|I am looking for {x}.|"
        "Where does {x} work?|How do I find {x}?|Where is {x} now?|I need to speak to {x}.|I must find {x}.|"
        "Can you tell me where {x} is?").split("|")
WHO_IS = ("Who is {x}?|What does {x} do?|Who is this {x}?|Tell me about {x}.|What do you know about {x}?|"
          "What is {x}'s trade?|Have you heard of {x}?|I heard the name {x}. Who is that?|Do you know {x}?|"
          "What kind of person is {x}?").split("|")
OPINION = ("What do you think of {x}?|Do you like {x}?|Are you friends with {x}?|How do you get along with {x}?|"
           "What is your opinion of {x}?|Is {x} a good person?|Can I trust {x}?|What is {x} like?|"
           "Is {x} nice?").split("|")
VILLAGE = ("What is this place?|Where am I?|What village is this?|Tell me about this village.|What is this village called?|"
           "Where are we?|What town is this?|What can you tell me about Willowbrook?|What is Willowbrook?|"
           "Do you like it here?").split("|")
RUMOUR = ("Have you heard any rumours?|What is new in the village?|Any news?|Tell me some gossip.|Do you have any news?|"
          "What are people talking about?|Has anything strange happened lately?|Any rumours?|What is going on here?|"
          "Have you heard anything interesting?|Do you know any secrets?|What's new?|Is there anything I should know?").split("|")
MORE = ("Tell me more.|Really? Go on.|What else do you know about that?|Are you sure?|And then?|That sounds strange. Tell me more.|"
        "How do you know that?|Can you tell me more about it?|Do go on.|I want to hear more.|What happened?").split("|")
QUEST = ("Do you need help?|Can I help you?|Do you have any work for me?|Is there anything I can do for you?|"
         "Do you have a quest for me?|I am looking for work.|Do you have a task for me?|Can I do something for you?|"
         "Do you need a hero?|I want to help.|Any job for an adventurer?|I seek adventure.|Is something troubling you?|"
         "Got any quests?").split("|")
ACCEPT = ("I will help you.|I accept.|Yes, I will do it.|You can count on me.|Very well, I will do it.|I'll do it.|"
          "Leave it to me.|Consider it done.|Of course I will help.|Yes, I will go.|Sure, I can do that.").split("|")
REFUSE = ("I am sorry, I cannot.|No, thank you.|That is too dangerous for me.|I do not have time.|Not today.|"
          "I would rather not.|Find somebody else.|No, I will not do it.|Maybe later.").split("|")
QUEST_WHERE = ("Where should I look?|Where do I have to go?|Where can I find it?|Which way should I go?|"
               "Where must I go?|Where do I start?|Do you know where it is?|And where would that be?").split("|")
QUEST_REWARD = ("What is the reward?|What do I get for it?|What will you pay me?|And my reward?|What is in it for me?|"
                "How will you reward me?|What do you offer in return?|Do you pay well?").split("|")
QUEST_DANGER = ("Is it dangerous?|What should I watch out for?|Is there any danger?|Will I have to fight?|"
                "What dangers await me?|Do I need to be careful?|How dangerous is it?").split("|")
QUEST_DONE = ("I have brought your {x}.|Here is your {x}.|I found your {x}!|I am back with your {x}.|Look, your {x}!|"
              "I have your {x}.|I did it! Here is your {x}.|This is your {x}, is it not?").split("|")
LIKE = ("What do you like?|What do you enjoy most?|What makes you happy?|What do you love?|Is there something you love?|"
        "What pleases you?|What are you fond of?|What do you like most?|What brings you joy?").split("|")
DISLIKE = ("What do you dislike?|What do you hate?|What makes you angry?|What can you not stand?|What annoys you?|"
           "Is there something you hate?|What bothers you most?|What do you not like?").split("|")
COLOUR = ("What is your favourite colour?|Which colour do you like best?|Do you have a favourite colour?|"
          "What's your favorite color?|What colour do you like?|Which colour is the prettiest?|Favourite colour?|"
          "Tell me your favourite colour.").split("|")
FOOD = ("What is your favourite food?|What do you like to eat?|What do you eat?|Which dish do you like best?|"
        "What's your favorite food?|What would you eat every day?|Do you have a favourite dish?|What is tasty?").split("|")
AGE = ("How old are you?|What is your age?|May I ask how old you are?|When were you born?|How many years do you have?|"
       "Are you old?|Your age?|Tell me your age.").split("|")
FAMILY = ("Do you have a family?|Are you married?|Tell me about your family.|Do you have any relatives?|"
          "Who is your family?|Do you have brothers or sisters?|Do you have children?|Do you live alone?").split("|")
HOME = ("Where do you live?|Where do you work?|Where is your home?|Where can I find you?|Do you live here?|"
        "Where is your house?|What is your place called?|Where do you spend your time?").split("|")
STORY = ("Tell me a story.|Do you know a story?|Have you had any adventures?|Tell me something about your life.|"
         "What was your greatest day?|I would love to hear a story.|What is your best memory?|Tell me a tale.|"
         "Can you tell a story?").split("|")
JOKE = ("Tell me a joke.|Do you know a joke?|Make me laugh.|Can you tell me a joke?|Say something funny.|"
        "Know any good jokes?|I could use a laugh.|Tell me something funny.|Got a joke for me?").split("|")
HOW = ("How are you?|How are you today?|How do you feel?|Are you well?|How is your day?|How are you doing?|"
       "How is life?|Everything all right?|Is everything fine?|What is the matter?|How's it going?|You look different today.").split("|")
MY_NAME = ("My name is {x}.|I am {x}.|Call me {x}.|I'm {x}.|My name's {x}.|You may call me {x}.|The name is {x}.|"
           "They call me {x}.|People call me {x}.").split("|")
RECALL = ("Do you remember my name?|What is my name?|Who am I?|What was my name again?|Do you know my name?|"
          "Do you know who I am?|Can you tell me my name?|Have you forgotten my name?").split("|")
ORIGIN = ("I am a {c} from {o}.|I come from {o}, I am a {c}.|I am just a {c} from {o}.|You see a {c} from {o}.|"
          "I was born in {o} and I am a {c}.|I travel as a {c}, and my home is {o}.").split("|")
RECALL_ORIGIN = ("Where did I say I come from?|Do you remember where I come from?|Where am I from?|"
                 "Where is my home?|What did I tell you about my home?").split("|")
RECALL_CALLING = ("Do you remember what I do?|What is my trade?|What did I say I am?|Do you know what I do?|"
                  "What am I?").split("|")
WEATHER = ("How is the weather?|What is the weather like?|Nice weather today, is it not?|What do you think of the weather?|"
           "Will it rain today?|Is it cold outside?|What's the weather?|How is the sky today?").split("|")
TIME = ("What time is it?|What is the hour?|Is it late?|Do you know the time?|How late is it?|Is it still early?|"
        "Can you tell me the time?").split("|")
SUM = ("What is {x} plus {y}?|How much is {x} and {y}?|{x} + {y}?|What is {x} + {y}?|Can you add {x} and {y}?|"
       "{x}+{y}|What do {x} and {y} make?|Add {x} and {y}.").split("|")
ABOUT = ("What do you know about {x}?|Tell me about {x}.|Do you know anything about {x}?|What are your thoughts on {x}?|"
         "Have you heard of {x}?|Do you like {x}?|Can we talk about {x}?|What do you think about {x}?|"
         "Explain {x} to me.|Have you ever seen {x}?").split("|")
ROBOT = ("Are you a robot?|Are you a machine?|Are you real?|Are you an AI?|Are you human?|Are you a computer program?|"
         "Are you a language model?|Who made you?|Is this a game?").split("|")
INSULT = ("You are stupid.|You smell bad.|I hate you.|You are ugly.|You are a fool.|Shut up!|Get lost!|You idiot!|"
          "Your goods are rubbish.|You are a liar.").split("|")
COMPLIMENT = ("You are very kind.|I like you.|You look good today.|You are wonderful.|You are clever.|What a nice place!|"
              "You have a lovely voice.|You are my favourite person here.|Nice to talk to you.").split("|")
LOVE = ("I love you.|Will you marry me?|Do you love me?|Kiss me!|Would you go out with me?|Are you in love?").split("|")
SORRY = ("I am sorry.|Please forgive me.|I apologise.|Sorry about that.|I did not mean it.|My mistake.").split("|")
NEED = ("I am {x}.|I feel {x}.|I am so {x}.|I'm {x}. What can I do?|Can you help me? I am {x}.|I am very {x} today.|"
        "What can I do when I am {x}?|I am {x}, where should I go?").split("|")
POOR = ("I have no money.|I cannot pay.|I am poor.|Can I have it for free?|I lost my purse.|My purse is empty.").split("|")
HELP = ("What can I ask you?|What can you do?|Help.|What can we talk about?|What do you know?|How can you help me?|"
        "Can you help me?|I need help.").split("|")
REPEAT = ("Repeat after me: {x}.|Say: {x}.|Please repeat: {x}.|Can you say this? {X}.|Now say: {x}.|Say after me: {x}.|"
          "Repeat these words: {x}.|Speak these words: {x}.|Could you repeat this? {X}.").split("|")
OKAY = ("Okay.|I see.|Good.|All right.|Yes.|No.|Interesting.|Really?|Hmm.|Oh.|Fine.|I understand.|Great!|Wow.").split("|")


if __name__ == "__main__":
    argparse.ArgumentParser(description="Count the wordings of each topic.").parse_args()
    for name, options in list(globals().items()):
        if name.isupper():
            print(f"{name.lower()}: {len(options)}")
