"""Detectors that take words: small random models, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from detect.detector_suite import DetectorSuite, MakeDetector, picture
from detect.small_words import save_grounding_dino, save_owlv2, save_sam3
from propagate.propagator_suite import panning_video

from overseg import transformers_extra
from overseg.detect.opening import open_detector
from overseg.detect.words import WordsDetector, checked_texts
from overseg.errors import OversegError, SettingsError, WeightsError

TEXTS = ("a red cup", "a hand")


class WordsSuite(DetectorSuite):
    save: Callable[[Path], Path]

    @pytest.fixture(scope="class")
    @classmethod
    def folder(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        return cls.save(tmp_path_factory.mktemp("weights") / "small")

    @pytest.fixture
    def make(self, folder: Path) -> MakeDetector:
        return lambda least: open_detector(folder, min_confidence=least, texts=TEXTS)


class TestGroundingDino(WordsSuite):
    save = staticmethod(save_grounding_dino)


class TestOwlv2(WordsSuite):
    save = staticmethod(save_owlv2)


class TestSam3(WordsSuite):
    save = staticmethod(save_sam3)

    def test_boxes_are_those_of_transformers_own_processor(self, folder: Path) -> None:
        """Of one text at a time, as transformers takes them."""
        import transformers

        frame, found = picture(60, 90), open_detector(folder, min_confidence=0.0, texts=TEXTS).detect(picture(60, 90))
        model = transformers.Sam3Model.from_pretrained(folder).eval()
        images = transformers.Sam3ImageProcessor.from_pretrained(folder)
        processor = transformers.Sam3Processor(images, transformers.AutoTokenizer.from_pretrained(folder))
        for number, text in enumerate(TEXTS):
            inputs = processor(images=frame.rgb, text=text, return_tensors="pt")
            with torch.inference_mode():
                output = model(inputs.pixel_values, input_ids=inputs.input_ids, attention_mask=inputs.attention_mask)
            (expected,) = processor.post_process_object_detection(output, 0.0, [frame.size])
            order = expected["scores"].argsort(descending=True, stable=True)
            of_text = found.take(found.category == number)
            np.testing.assert_allclose(of_text.confidence, expected["scores"][order], atol=1e-6)
            np.testing.assert_allclose(of_text.boxes_xyxy, expected["boxes"][order].clip(min=0), atol=1e-3)

    def test_a_text_that_is_too_long(self, folder: Path) -> None:
        with pytest.raises(SettingsError, match="--text: one is longer than the 32 tokens that SAM 3 takes"):
            open_detector(folder, texts=["a cup " * 20])


def test_a_text_keeps_its_number(tmp_path: Path) -> None:
    """OWLv2 looks for each text by itself; the least sure box is not so sure that both texts are at 1."""
    folder, video = save_owlv2(tmp_path / "small"), panning_video(1)
    one, swapped = (WordsDetector(folder, texts, min_confidence=0.0).detect(video[0]) for texts in (TEXTS, TEXTS[::-1]))
    assert one.confidence[-1] < 0.9
    assert one.category[-1] == 1 - swapped.category[-1]
    np.testing.assert_allclose(one.confidence, swapped.confidence, atol=1e-5)


def test_each_token_is_of_its_text(tmp_path: Path) -> None:
    """Grounding DINO takes all texts at once: [CLS] a red cup . a hand . [SEP]"""
    detector = WordsDetector(save_grounding_dino(tmp_path / "small"), TEXTS)
    words = [[0, 1, 1, 1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1, 1, 0, 0]]
    assert detector._text_of_token.int().tolist() == words
    probabilities = torch.linspace(0, 0.9, 10)[None]
    np.testing.assert_allclose(detector._scores(probabilities), [[0.3, 0.6]], atol=1e-6)


@pytest.mark.parametrize(
    ("texts", "line"),
    [
        ([""], "--text takes words for one kind of object, such as \"a cup\", not ''"),
        (["a cup", " . "], "not ' . '"),
        (["a cup. a hand"], "--text takes one kind of object, got 'a cup. a hand': give --text once for each kind"),
        (["a\x00cup"], "--text a"),
    ],
)
def test_texts_that_are_refused(texts: list[str], line: str) -> None:
    with pytest.raises(OversegError) as caught:
        checked_texts(texts)
    assert line in str(caught.value)


def test_weights_of_another_model(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "edgetam_video"}')
    with pytest.raises(WeightsError, match=r"takes words \(grounding-dino\) in .*, got those of edgetam"):
        open_detector(tmp_path, texts=TEXTS)


def test_damaged_weights(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "owlv2"}')
    with pytest.raises(WeightsError, match=r"cannot be read from .*; fetch it again"):
        WordsDetector(tmp_path, TEXTS)


def test_transformers_that_is_too_old_or_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="EdgeTAM needs transformers 5.20 or newer, found 4.57.1: pip install"):
        transformers_extra._check_version("EdgeTAM", "4.57.1")
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(SettingsError, match=r"--text needs the package transformers: pip install 'overseg\[transf"):
        transformers_extra.import_transformers("--text")
