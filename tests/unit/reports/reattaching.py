"""A signed file with other attachments: what somebody does who wants another figure."""

import io

import pikepdf


def reattached(pdf: bytes, name: str, data: bytes | None) -> bytes:
    """The PDF with one attachment replaced or taken out, saved anew."""
    output = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf)) as document:
        names = document.Root["/Names"]["/EmbeddedFiles"]["/Names"]
        for index in range(1, len(names), 2):
            if str(names[index]["/UF"]) == name:
                if data is None:
                    del names[index]
                    del names[index - 1]
                else:
                    names[index]["/EF"]["/F"].write(data)
                break
        document.save(output)
    return output.getvalue()
