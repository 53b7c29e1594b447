"""The reader of syslog: `dcim.intake.reader`, with what tells its messages apart."""

import sys

from dcim.intake.reader import serve
from dcim.syslog.peeking import peek_kind

if __name__ == "__main__":
    serve(sys.argv[1:], peek_kind)
