"""A real spreadsheet program that people decide in: LibreOffice, without a window."""

import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

_MODULE = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE script:module PUBLIC "-//OpenOffice.org//DTD OfficeDocument 1.0//EN" "module.dtd">
<script:module xmlns:script="http://openoffice.org/2000/script" script:name="Module1" script:language="StarBasic">
Sub Fill(source As String, target As String, answers As String)
  Dim hidden(0) As New com.sun.star.beans.PropertyValue
  hidden(0).Name = "Hidden"
  hidden(0).Value = True
  Dim book As Object, sheet As Object, text As String, parts, at As Integer, row As Long, file As Integer
  book = StarDesktop.loadComponentFromURL(ConvertToURL(source), "_blank", 0, hidden())
  sheet = book.Sheets.getByName("Reviews")
  file = FreeFile
  Open answers For Input As #file
  row = 1
  Do While Not Eof(file)
    Line Input #file, text
    parts = Split(text, "|")
    For at = 0 To UBound(parts)
      If parts(at) &lt;&gt; "" Then sheet.getCellByPosition(at + 1, row).setFormula(parts(at))
    Next at
    row = row + 1
  Loop
  Close #file
  Dim form(0) As New com.sun.star.beans.PropertyValue
  form(0).Name = "FilterName"
  form(0).Value = "Calc MS Excel 2007 XML"
  book.storeToURL(ConvertToURL(target), form())
  book.close(True)
  StarDesktop.terminate()
End Sub
</script:module>
"""


def typed(workbook: Path, answers: Iterable[Sequence[str]], target: Path) -> Path:
    """Type answers into the columns after the first of the sheet `Reviews`, row by row, and save that as XLSX.

    What is typed is understood as the program does: a day becomes a date, what begins with `=` a formula.
    """
    profile = target.parent / "profile"
    # The first start makes a profile with an empty module: ours takes its place.
    _office(profile, "--terminate_after_init")
    (profile / "user/basic/Standard/Module1.xba").write_text(_MODULE)
    lines = target.parent / "answers.txt"
    lines.write_text("".join("|".join(row) + "\n" for row in answers))
    _office(profile, f"macro:///Standard.Module1.Fill({workbook},{target},{lines})")
    assert target.is_file()
    return target


def _office(profile: Path, *arguments: str) -> None:
    command = ["soffice", "--headless", "--norestore", f"-env:UserInstallation={profile.as_uri()}", *arguments]
    subprocess.run(command, check=True, timeout=300, stdin=subprocess.DEVNULL)
