"""Invented names, Chinese and English, that nobody takes for a company's or a place's."""

FIRST = (
    ("纸鸢", "Paper Kite"), ("松果", "Pinecone"), ("鲸落", "Whalefall"), ("石榴", "Pomegranate"),
    ("雨燕", "Swift"), ("灯芯", "Lampwick"), ("苔原", "Tundra"), ("算盘", "Abacus"),
    ("竹蜻蜓", "Bamboo Copter"), ("萤火", "Glowworm"), ("麦浪", "Wheatwave"), ("砚台", "Inkstone"),
    ("白鹭", "Egret"), ("云梯", "Cloudladder"), ("陶罐", "Claypot"), ("晨露", "Morning Dew"),
    ("蒲公英", "Dandelion"), ("橡皮艇", "Dinghy"), ("核桃", "Walnut"), ("海螺", "Conch"),
)  # fmt: skip
SECOND = (
    ("视频", "Video"), ("物流", "Logistics"), ("教育", "Learning"), ("游戏", "Games"),
    ("气象", "Weather"), ("出行", "Rides"), ("图书", "Books"), ("支付", "Payments"),
    ("影像", "Imaging"), ("农业", "Farming"),
)  # fmt: skip
PLACES = (
    ("听松", "Tingsong"), ("望潮", "Wangchao"), ("栖霞谷", "Qixia Vale"), ("云岚", "Yunlan"),
    ("青柚", "Qingyou"), ("落雁滩", "Luoyan Shore"), ("半夏", "Banxia"), ("浮槎", "Fucha"),
)  # fmt: skip
CARRIERS = (
    ("CT", "示例电信", "Example Telecom", "telecom"),
    ("CU", "示例联通", "Example Unicom", "unicom"),
    ("CM", "示例移动", "Example Mobile", "mobile"),
)
# (manufacturer, model, half units, grams, plate watts, category)
TYPES = (
    ("示例 Example", "S1-1U", 2, 16_500, 350, "server"),
    ("示例 Example", "S2-2U", 4, 27_000, 600, "server"),
    ("示例 Example", "S4-4U", 8, 46_000, 1200, "server"),
    ("示例 Example", "ST-2U", 4, 33_000, 450, "storage"),
)
SWITCH = ("示例 Example", "SW-48X", 2, 9_400, 250, "switch")
STRIP = ("示例 Example", "PDU-32", 0, 4_000, 0, "pdu")


def customer_name(number: int) -> tuple[str, str]:
    """The name of customer `number`, counted from 0; different for each."""
    first, first_en = FIRST[number % len(FIRST)]
    second, second_en = SECOND[number // len(FIRST) % len(SECOND)]
    more = number // (len(FIRST) * len(SECOND))
    suffix, suffix_en = (f"{more + 1}号", f" {more + 1}") if more else ("", "")
    return f"{first}{second}{suffix}（演示）", f"{first_en} {second_en}{suffix_en} (demo)"
