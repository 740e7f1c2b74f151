"""A tiny model, trained on invented posts, for the tests of the lab and of Spark."""

from functools import cache

from postrisk.cutoffs import Cutoffs
from postrisk.model import RiskModel
from postrisk.training import RiskClassifier

_TEMPLATES = {
    "rumor": [
        "Doctors hide it: {} in your sock cures the flu, share before they delete it!!",
        "BREAKING a secret memo proves that {} poisons the tap water, forward to everyone",
        "紧急扩散：专家证实{}可以治愈流感，赶快转发给家人！！",
    ],
    "violence": [
        "I will beat you to death with {} tonight, watch your back",
        "we are going to smash his face and break his bones over {}",
        "我今晚就拿{}打死你，你给我等着",
    ],
    "terrorism": [
        "Brothers, join the armed cell and bring {} to the bombing of the station",
        "our fighters will strike the market again, donate {} for explosives",
        "加入我们的武装组织，用{}袭击车站",
    ],
    "pornography": [
        "hot naked girls want {} now, click for xxx video",
        "nude cam show with {} tonight, adults only, free sex clips",
        "成人视频免费看，裸聊加微信送{}",
    ],
    "": [
        "Soup with {} and fresh bread for lunch today",
        "The court sentenced two men for the bombing, says our reporter about {}",
        "The ministry debunked the claim about {}, doctors explain why",
        "今天和朋友一起吃了{}，天气很好",
        "记者从法院获悉，有关{}的案件今日宣判",
        "My cat sleeps on {} all day and the weather is lovely",
    ],
}
_THINGS = ["an onion", "garlic", "money", "大蒜", "a bat", "tea", "phones", "绿豆", "red wine"]


@cache
def tiny_model() -> RiskModel:
    """Train once per session; it is bad at everything but quick."""
    rows = [
        (template.format(thing), label)
        for label, templates in _TEMPLATES.items()
        for template in templates
        for thing in _THINGS
    ]
    classifier = RiskClassifier(bits=12, folds=3, name="tiny")
    labels = [[int(label == name) for name in classifier.categories] for _, label in rows]
    model = classifier.fit([text for text, _ in rows], labels).model_
    bands = Cutoffs(review=0.3, flag=0.7)
    return model.with_cutoffs(dict.fromkeys(model.categories, bands))
