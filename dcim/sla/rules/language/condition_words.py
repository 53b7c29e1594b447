"""Conditions of an item as people say them; an unknown one keeps its own name."""

from dcim.sla.rules.terms import Text

CONDITIONS: dict[str, Text] = {
    "dual_fed": {
        "zh": "设备双路供电",
        "en": "that each device is fed from both sides",
    },
    "good_standing": {"zh": "无逾期欠费", "en": "that no bill is overdue"},
    "draw": {"zh": "用电占合同功率的比例", "en": "a draw, as a share of what is contracted,"},
}


def name_condition(key: str) -> Text:
    return CONDITIONS.get(key, {"zh": key, "en": key.replace("_", " ")})
