"""The reader of traps: `dcim.intake.reader`, with what tells traps apart."""

import sys

from dcim.intake.reader import serve
from dcim.snmp.traps.peeking import peek_kind

if __name__ == "__main__":
    serve(sys.argv[1:], peek_kind)
