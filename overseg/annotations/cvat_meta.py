"""What CVAT's XML says of its tasks: names, numbers of frames, sizes; and which task is read."""

import re
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

from overseg.annotations.values import VideoUnknownError, as_size

_STEP = "step="  # of a frame filter
_SUFFIX = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,3}$")  # of a video, by which CVAT calls its task


@dataclass(frozen=True)
class _Task:
    id: str
    name: str
    n_frames: int
    end_frame: int
    step: int
    size: tuple[int, int] | None

    @property
    def stem(self) -> str:
        """The name without the suffix of a video."""
        return _SUFFIX.sub("", self.name)


class Meta:
    """Gathers the part of the file that comes before its shapes.

    Args:
        source: the file.
        video: the video's name, to choose one task of several.
    """

    def __init__(self, source: Path, video: str | None) -> None:
        self._source, self._video = source, video
        self._tasks: list[_Task] = []
        self._sizes: list[tuple[int, int]] = []
        self._chosen: _Task | None = None

    def add(self, element: Element) -> None:
        """Read an `original_size`, `task` or `job`; or `meta`, which ends this part.

        Raises:
            VideoUnknownError: there are several tasks, and none is called like the video.
            TypeError, ValueError: a number is none.
        """
        if element.tag == "original_size":
            self._sizes.append(self._size(element))
        elif element.tag == "meta":
            self._chosen = self._choose()
        elif element.find("size") is not None or element.find("name") is not None:  # no mere list of jobs
            self._tasks.append(self._task(element))

    @property
    def size(self) -> tuple[int, int] | None:
        """(height, width) of the task that is read; None where it is not stated."""
        if self._chosen and len(self._tasks) > 1:
            return self._chosen.size
        return self._sizes[0] if self._sizes else None

    @property
    def n_frames(self) -> int:
        """How many frames the task has; 0 where it is not stated."""
        return self._only.n_frames if self._only else 0

    @property
    def end_frame(self) -> int:
        """The frame after the last one of the task; 0 where it is not stated."""
        return self._only.end_frame if self._only else 0

    @property
    def step(self) -> int:
        """The task has every how manieth frame of the video."""
        return self._only.step if self._only else 1

    @property
    def name(self) -> str:
        """What the task is called, without suffix; empty where that is unknown."""
        return self._only.stem if self._only else ""

    def is_of_another(self, task_id: str | None) -> bool:
        """Whether an image or track is of another task than the one that is read."""
        return task_id is not None and len(self._tasks) > 1 and self._only is not None and task_id != self._only.id

    @property
    def _only(self) -> _Task | None:
        return self._chosen or (self._tasks[0] if len(self._tasks) == 1 else None)

    def _size(self, element: Element) -> tuple[int, int]:
        return as_size(element.findtext("height"), element.findtext("width"), self._source)

    def _task(self, task: Element) -> _Task:
        n_frames = int(task.findtext("size") or 0)
        last = int(task.findtext("stop_frame") or n_frames - 1)
        filter = task.findtext("frame_filter") or ""
        step = int(filter.partition(_STEP)[2] or 1) if _STEP in filter else 1
        size = task.find("original_size")
        return _Task(
            task.findtext("id") or "",
            task.findtext("name") or "",
            n_frames,
            last + 1,
            max(1, step),
            None if size is None else self._size(size),
        )

    def _choose(self) -> _Task | None:
        if len(self._tasks) < 2:
            return next(iter(self._tasks), None)
        for task in self._tasks:
            if self._video and self._video in (task.name, task.stem, task.id):
                return task
        names = [task.stem or task.id for task in self._tasks]
        raise VideoUnknownError.among("task", self._source, self._video, names)
