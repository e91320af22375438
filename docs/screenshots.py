"""Takes the pictures of docs/report.md from a run's report.html, by a headless Chromium.

.venv/bin/python docs/screenshots.py results/RUN
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PICTURES = Path(__file__).with_name("pictures")
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
VIEWS = (  # name, width and height in pixels, theme
    ("report-laptop", 1280, 860, "light"),
    ("report-dark", 1280, 860, "dark"),
    ("report-phone", 360, 760, "light"),
)


def main(run: Path) -> None:
    if BROWSER is None:
        sys.exit("screenshots: no Chromium here; apt-get install chromium")
    text = (run / "report.html").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        page, frame = Path(folder) / "page.html", Path(folder) / "frame.html"
        for name, width, height, theme in VIEWS:
            page.write_text(
                text.replace('<html lang="en">', f'<html lang="en" data-theme="{theme}">', 1), encoding="utf-8"
            )
            # A browser's window is never narrower than 500 pixels; a frame in it is.
            frame.write_text(
                f'<body style="margin:0"><iframe src="page.html" width="{width}" height="{height}" style="border:0">'
            )
            size = f"--window-size={width},{height}"
            flags = ("--headless", "--no-sandbox", "--hide-scrollbars", f"--user-data-dir={folder}/profile", size)
            shot = f"--screenshot={PICTURES / name}.png"
            subprocess.run([BROWSER, *flags, shot, frame.as_uri()], check=True, stderr=subprocess.DEVNULL)
            print(PICTURES / f"{name}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
