"""advice: the command at toy size, its files, and the published verdicts."""

import dataclasses
import json
from dataclasses import replace

import jax
import numpy as np
import pytest

from experiments import advice
from experiments.tables.markdown import RESULTS
from experiments.tricks import runs, summary
from experiments.tricks.sentences import BASELINE, RUNS
from experiments.tricks.variations import Variation

SETTINGS = {
    "data": "mnist", "only": ("tanh", "one-side"), "seeds": 2, "steps": 3, "width": 2, "batch": 8, "synthetic": 40,
    "samples": 20,
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("advice")
    config = advice.Config(out=out / "run", cache=out / "cache", **SETTINGS)
    advice.main(config)
    return config


def numbers_of(config) -> dict:
    return json.loads((config.out / "result.json").read_text())["numbers"]


def of_data(numbers: dict) -> dict[str, dict]:
    return {name: found for name, found in numbers.items() if name in advice.CLASSES}


def test_command(finished):
    found = numbers_of(finished)["mnist"]
    assert found["runs"].keys() == {BASELINE, "sigmoid", "smoothing", "smoothing-both"}
    assert all([run["seed"] for run in of_run] == [0, 1] for of_run in found["runs"].values())
    assert found["sentences"] == summary.of_sentences(SETTINGS["only"], found["runs"])
    for picture in ("advice.png", "losses.png", "samples.png"):
        assert (finished.out / picture).stat().st_size > 0


def test_finished_runs_are_not_repeated_and_missing_ones_are_the_same_again(finished, monkeypatch):
    before = numbers_of(finished)
    missing = runs.file_of(finished.out / "runs", "mnist", "sigmoid", 1)
    missing.unlink()
    runs.strip_of(runs.file_of(finished.out / "runs", "mnist", BASELINE, 0)).unlink()  # its images lost: made again
    made, run = [], runs.run
    monkeypatch.setattr(runs, "run", lambda gan, in_unit, *rest: made.append(in_unit) or run(gan, in_unit, *rest))
    advice.main(finished)
    assert made == [False, True]
    timeless = lambda runs: [{**run, "seconds": 0} for run in runs]  # noqa: E731
    for name, of_run in numbers_of(finished)["mnist"]["runs"].items():
        assert timeless(of_run) == timeless(before["mnist"]["runs"][name])


def test_more_sentences_join_those_that_are_there(finished, monkeypatch):
    made, run = [], runs.run
    monkeypatch.setattr(runs, "run", lambda *rest: made.append(rest[3]) or run(*rest))
    advice.main(dataclasses.replace(finished, only=("tanh", "gaussian"), out=finished.out))
    assert made == [0, 1]


@pytest.mark.parametrize("content", ["no json", "{}", '{"scores": {}, "about": {}}', '{"scores": [1], "about": "x"}'])
def test_a_file_that_is_none_is_refused(finished, content):
    path = runs.file_of(finished.out / "runs", "mnist", BASELINE, 0)
    whole = path.read_text()
    path.write_text(content)
    try:
        with pytest.raises(ValueError, match="that is no file of a run: move it away"):
            advice.main(finished)
    finally:
        path.write_text(whole)


def test_runs_know_their_judge_and_their_images(finished, monkeypatch):
    """One pixel of one image, or one weight of the judge, makes other runs of them; the same ones are the same."""
    labelled, images, of_test = advice.images_of("mnist", finished)
    judged_by = lambda *given: advice.setting("mnist", finished, *given).judged_by  # noqa: E731
    same = judged_by(labelled, images, of_test)
    (known,) = {json.loads(path.read_text())["about"]["judged_by"] for path in (finished.out / "runs").glob("*.json")}
    assert same == known
    changed = [(images ^ np.eye(1, images.size, dtype=np.uint8).reshape(images.shape), of_test), (images, of_test ^ 1)]
    found = {judged_by(labelled, *given) for given in changed}
    judge, _ = advice.trained(advice.learning_for("mnist", finished.synthetic), labelled, finished.cache)
    other = judge._replace(variables=jax.tree.map(lambda w: w + 1e-3, judge.variables))
    monkeypatch.setattr(advice, "trained", lambda *_: (other, None))
    found.add(judged_by(labelled, images, of_test))
    assert len(found) == 3 and same not in found


def test_runs_that_another_judge_has_judged_are_not_mixed(finished, monkeypatch):
    path = runs.file_of(finished.out / "runs", "mnist", BASELINE, 0)
    whole = path.read_text()
    path.write_text(whole.replace('"judged_by": "', '"judged_by": "0'))
    try:
        with pytest.raises(ValueError, match="but that run had judged_by '0"):
            advice.main(finished)
    finally:
        path.write_text(whole)


def test_a_foreign_file_is_not_overwritten_where_no_images_lie_beside_it(finished):
    path = runs.file_of(finished.out / "runs", "mnist", BASELINE, 0)
    strip, whole = runs.strip_of(path), path.read_text()
    images = strip.read_bytes()
    strip.unlink()
    path.write_text("mine")
    try:
        with pytest.raises(ValueError, match="move it away"):
            advice.main(finished)
        assert path.read_text() == "mine"
    finally:
        path.write_text(whole)
        strip.write_bytes(images)


def test_runs_with_other_settings_are_not_mixed(finished):
    with pytest.raises(ValueError, match="but that run had steps 3: choose another folder"):
        advice.main(replace(finished, steps=4))


def test_a_run_out_of_bounds_counts_as_collapsed(finished, monkeypatch):
    """Its G is not finite: the worst distance, no variety, and a loss that is no number."""
    config = replace(finished, out=finished.out.parent / "wild", only=("momentum-5",), seeds=1)
    wild = Variation(rate_g=1e30, rate_d=1e30)
    monkeypatch.setitem(RUNS, "momentum-9", wild)
    advice.main(config)
    (scores,) = numbers_of(config)["mnist"]["runs"]["momentum-9"]
    assert scores["frechet"] == runs.OUT_OF_BOUNDS and scores["variety"] == 0
    assert numbers_of(config)["mnist"]["sentences"]["momentum-5"]["collapsed"][1] == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"only": ("luck",)}, "only is 'luck'"), ({"only": ("tanh", "tanh")}, "must name each sentence once"),
     ({"seeds": 0}, "seeds is 0"), ({"steps": 0}, "steps is 0"), ({"batch": 1}, "batch is 1"),
     ({"data": "svhn"}, "data is 'svhn'"), ({"width": -2}, "width is -2"), ({"seed": -1}, "seed is -1")],
)  # fmt: skip
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        advice.Config(**settings)


def test_every_published_verdict_follows_from_the_rule():
    paths = list(RESULTS.glob("advice*/result.json"))
    assert paths
    for path in paths:
        for found in of_data(json.loads(path.read_text())["numbers"]).values():
            again = summary.of_sentences(tuple(found["sentences"]), found["runs"])
            assert again == found["sentences"], path
            assert summary.by_verdict(again) == found["verdicts"], path
            assert summary.loss_and_frechet(found["runs"]) == found["loss_and_frechet"], path
