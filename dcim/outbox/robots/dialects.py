"""The robots there are, by the kind of their endpoint; pure."""

from dcim.outbox.robots.dialect import Dialect
from dcim.outbox.robots.dingtalk import DINGTALK
from dcim.outbox.robots.feishu import FEISHU
from dcim.outbox.robots.wecom import WECOM

DIALECTS: dict[str, Dialect] = {"dingtalk": DINGTALK, "wecom": WECOM, "feishu": FEISHU}
VENDORS = {host: kind for kind, dialect in DIALECTS.items() for host in dialect.hosts}
