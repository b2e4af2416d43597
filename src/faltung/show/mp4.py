"""Films as MP4, by ffmpeg if it is there."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ..errors import FaltungError
from ..images.files import beside
from .animation import check_pixels
from .frames import Frames
from .scene import Scene
from .style import theme_named

LAST_SECONDS = 1.5
"""How long the last frame stands."""
_FRAMES_A_SECOND = 25
"""At least: some players stumble over films of two frames a second."""


def save(scene: Scene, path: Path, *, width: int, theme: str, rate: float, steps: Sequence[int]) -> None:
    """Write the steps as a film: H.264, which every browser and telephone plays."""
    program = shutil.which("ffmpeg")
    if program is None:
        raise FaltungError(f"animate: {path} needs ffmpeg, which is not on the PATH; install it "
                           "(apt install ffmpeg), or write .gif or .html")
    check_pixels(scene, width, len(steps))
    frames = Frames(scene, width=width, theme=theme, steps=steps)
    last = steps[-1]
    with beside(path) as part:
        command = [program, *_arguments((width, scene.height(width)), theme, rate), str(part)]
        with tempfile.TemporaryFile() as told:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,  # noqa: S603
                                       stderr=told)
            assert process.stdin is not None
            try:
                with process.stdin as pipe:
                    for number in range(len(steps) + round(LAST_SECONDS * rate)):
                        pipe.write(frames.frame(steps[number] if number < len(steps) else last).tobytes())
            except BrokenPipeError:
                pass  # it has given up, and says why
            except BaseException:
                process.kill()
                raise
            finally:
                status = process.wait()
            if status:
                told.seek(0)
                lines = told.read().decode(errors="replace").strip().splitlines() or [f"exit status {status}"]
                raise FaltungError(f"animate: ffmpeg could not write {path} ({lines[-1].strip()}); "
                                   "write .gif or .html")


def _arguments(size: tuple[int, int], theme: str, rate: float) -> list[str]:
    paper = theme_named(theme).paper.replace("#", "0x")
    # The format holds even widths and heights only.
    pad = f"pad=ceil(iw/2)*2:ceil(ih/2)*2:color={paper},fps={max(rate, _FRAMES_A_SECOND):g}"
    return ["-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgba", "-s", f"{size[0]}x{size[1]}",
            "-r", f"{rate:g}", "-i", "-", "-vf", pad, "-c:v", "libx264", "-crf", "18", "-pix_fmt", "yuv420p",
            "-movflags", "+faststart", "-f", "mp4"]
