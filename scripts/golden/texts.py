"""The sentences tiny tokenizers are trained on, and the inputs of the golden cases."""
import itertools

WHO = ["Ada", "Karl Weber", "the harbour master", "a young teacher", "Maria Lopez", "our neighbour",
       "the committee", "Dr. Chen", "an old sailor", "the night shift"]
DOES = ["counts", "repairs", "has sold", "is painting", "wrote about", "never liked", "carries",
        "will open", "forgot", "measured"]
WHAT = ["nine red boats", "the broken clock", "a letter from Berlin", "two boxes of pears",
        "the bridge at Porto", "every lantern", "some unfinished maps", "the report of 1998",
        "a very quiet engine", "the keys of the library"]
WHEN = ["in March", "before the storm", "at 7:30", "on Friday", "without a word", "near the river",
        "for Acme Corp.", "again and again", "after lunch", "last winter"]
MORE = [
    "Café Müller opens at eight; naïve guests arrive at nine.",
    "It's cheap, isn't it? We'll pay $12.50 (or 11 €) - no more!",
    "Unbelievable: the unhappily misplaced watermelons were recounted.",
    "東京 and 大阪 are cities; 北京 is another.",
    "Good work 🎉 see you soon 🙂",
    "e-mail: ada@example.org, web: http://example.org/a_b?c=1",
    "The question is who asked the question first.",
    "This example is about sport, politics, weather or music.",
    "This text is positive. That text is negative.",
    "Weather in Oslo: rain, wind, then snow and more rain.",
    "She plays the violin, he plays football, they vote on Sunday.",
    "The parliament of Norway met the mayor of Oslo on Monday.",
]


def corpus():
    """A few hundred sentences, the same every time."""
    lines = list(MORE) * 3
    for i, (who, does) in enumerate(itertools.product(WHO, DOES)):
        for j in range(3):
            what, when = WHAT[(i * 3 + j * 7) % 10], WHEN[(i + j * 3) % 10]
            line = f"{who} {does} {what} {when}."
            lines.append(line[0].upper() + line[1:])
    return lines


# A long text: more tokens than any tiny model takes.
LONG = " ".join(corpus()[36:64])

# Texts that tokenizers and offsets get wrong: accents apart from their letters, joined emoji,
# scripts without spaces, invisible characters, ligatures, long words.
ODD = [
    "",
    "ok",
    "Great party 🎉🎉 with 👩‍👩‍👧 today 🙂!",
    "東京 is 大きい, 北京 too.",
    "Cafe\u0301 nai\u0308ve re\u0301sume\u0301 a\u0323\u0301b",
    "tab\tline\nbreak\u00a0hard\u200bzero  two   spaces",
    "Straße İstanbul ﬁnd ½ Ⅷ ｆｕｌｌ",
    "word" * 40 + " " + "x" * 120,
    "!!! ... ??? --- ((( $12.50 #tag @name",
]

PLAIN = [
    "The harbour master counts nine red boats before the storm.",
    "Maria Lopez never liked the broken clock, but she repairs it again and again.",
    "It's cheap, isn't it?",
]

NAMES = [
    "Ada met Karl Weber at the Berlin office of Acme Corp. in March.",
    "Maria Lopez lives in Porto, near the river.",
    "Dr. Chen (of 北京) wrote 🎉 to Café Müller about naïve boats.",
    "The parliament of Norway met the mayor of Oslo on Monday.",
    "Cafe\u0301 Mu\u0308ller, 東京 and unhappily misplaced watermelons",
    "",
]

QUESTIONS = [
    {"question": "Who counts the boats?",
     "context": "The harbour master counts nine red boats before the storm. Ada repairs the clock."},
    {"question": "Where does Maria live?", "context": "Maria Lopez lives in Porto, near the river."},
    {"question": "What opens at eight?",
     "context": "Café Müller 🎉 opens at eight; in 東京 the naïve guests arrive at nine."},
]
LONG_QUESTIONS = [{"question": "Who sold the maps?", "context": LONG},
                  {"question": "When?", "context": " ".join(corpus()[200:214])}]

LABELS = "politics,sport,weather"
CLAIMS = [PLAIN[0], "She plays the violin, he plays football, they vote on Sunday.", LONG]
