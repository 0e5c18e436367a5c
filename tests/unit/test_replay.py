"""Passes that are recorded for a GPU: they hold no values, and replay what they were recorded from."""

import threading
import warnings

import numpy as np
import pytest
import torch

from semcolorize.diffusion.sampler import sample_ddim, sample_ddpm, sample_dpm_solver
from semcolorize.diffusion.schedule import Schedule, time_steps
from semcolorize.evaluation.speed import sample_hints, sample_micrograph
from semcolorize.network import sampling
from semcolorize.network.conditioning import PRESETS, condition_image
from semcolorize.network.diffuser import ABDiffuser
from semcolorize.network.guessing import best_guess, passes
from semcolorize.network.replay import Replays, record_on_gpu
from semcolorize.network.sampling import runs, sample_ab
from semcolorize.pipeline import Colorizer

SMALL = PRESETS["compact"].with_network(dim=16, multipliers=(1, 2), attention=("none", "full"))
gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")


def record_here(work, inputs):
    """What a CUDA graph does, without one: reads where its inputs lie, overwrites its results."""
    results = tuple(result.clone() for result in work(*inputs))

    def run():
        for place, result in zip(results, work(*inputs), strict=True):
            place.copy_(result)
        return results

    return run


def small_model():
    torch.manual_seed(0)
    model = ABDiffuser(SMALL).eval().requires_grad_(False)
    torch.nn.init.normal_(model.network.output.weight, std=0.05)
    return model


def conditioned(shape=(48, 64), hints=6, seed=0, config=SMALL, fill="gray"):
    rng = np.random.default_rng(seed)
    lightness, ab, mask = rng.uniform(10, 90, shape), np.zeros((*shape, 2)), np.zeros(shape)
    for _ in range(hints):
        row, column = rng.integers(shape[0]), rng.integers(shape[1])
        ab[row, column], mask[row, column] = rng.normal(0, 25, 2), 1
    return condition_image(config, lightness, ab, mask, fill=fill)


@pytest.mark.parametrize("preset", ["compact", "thesis"])
@torch.inference_mode()
def test_a_pass_depends_on_no_value(preset):
    config = PRESETS[preset].with_network(dim=16)
    model, given = ABDiffuser(config).eval().to("meta"), conditioned((64, 64), config=config).to("meta")
    # Tensors without values: what reads one, or mixes them with others, fails; so would its recording.
    output, features = model.predict(torch.empty(2, 2, 64, 64, device="meta"), torch.empty(2, device="meta"),
                                     given.repeat(2), 2)  # fmt: skip
    assert output.shape == (2, 2, 64, 64) and output.is_meta and features.is_meta
    with pytest.raises(RuntimeError):
        _ = output.sum() + torch.ones(1)
    with pytest.raises(RuntimeError):
        float(output.sum())


@pytest.mark.parametrize("sampler", [sample_dpm_solver, sample_ddim, sample_ddpm])
@pytest.mark.parametrize("steps", [1, 5])
def test_samplers_wait_for_no_value(sampler, steps):
    start = torch.empty(2, 2, 8, 8, device="meta")
    more = {"noise": lambda: torch.empty_like(start)} if sampler is sample_ddpm else {}
    assert sampler(lambda x, t: 0.5 * x, start, Schedule(), time_steps(steps), **more).is_meta


def test_a_replay_is_the_pass_on_new_inputs():
    replays, work = Replays(record=record_here), lambda x, y: (x * 2 + (0 if y is None else y), x.sum()[None])
    kept = []
    for i in range(12):
        x = torch.full((3, 4 + i % 2), float(i))
        y = None if i % 3 else torch.full_like(x, 0.5)
        got = replays(work, "double", (x, y))
        kept.append((got, work(x, y)))
    # Also those from before: a later replay overwrites no result that a caller has.
    for got, expected in kept:
        assert all(torch.equal(a, b) for a, b in zip(got, expected, strict=True))


def test_only_what_comes_again_is_recorded_and_only_the_last_are_kept():
    made = []

    def record(work, inputs):
        made.append(inputs[0].shape[0])
        return record_here(work, inputs)

    replays = Replays(most=2, record=record)
    for size in (1, 2, 1, 1, 2, 2, 3, 3, 2, 1, 1):
        replays(lambda x: (x + 1,), None, (torch.zeros(size),))
    # 3 pushed 1 out; when it came back it was new again.
    assert made == [1, 2, 3, 1]


def test_a_recording_is_for_one_kind_of_work_and_layout():
    replays = Replays(record=record_here)
    x = torch.arange(12.0).reshape(1, 3, 2, 2)
    turned = x.contiguous(memory_format=torch.channels_last)
    for _ in range(3):
        assert torch.equal(replays(lambda x: (x + 1,), 1, (x,))[0], x + 1)
        assert torch.equal(replays(lambda x: (x + 2,), 2, (x,))[0], x + 2)
        assert torch.equal(replays(lambda x: (x + 1,), 1, (turned,))[0], x + 1)


def refused(work, inputs):
    raise RuntimeError("operation not permitted when stream is capturing\nmore")


def wrong(work, inputs):
    results = tuple(result + 1 for result in work(*inputs))
    return lambda: results


@pytest.mark.parametrize(("record", "why"), [(refused, "stream is capturing"), (wrong, "another result")])
def test_what_cannot_be_recorded_runs_as_ever_and_says_so_once(record, why):
    replays = Replays(record=record)
    x = torch.ones(2)
    replays(lambda x: (x * 3,), None, (x,))
    with pytest.warns(RuntimeWarning, match=why) as told:
        assert replays(lambda x: (x * 3,), None, (x,))[0].tolist() == [3, 3]
    assert len(told) == 1 and "\n" not in str(told[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            assert replays(lambda x: (x * 3,), None, (x,))[0].tolist() == [3, 3]


def test_an_error_of_the_pass_itself_is_raised():
    replays = Replays(record=record_here)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            replays(lambda x: (x, 1 / 0), None, (torch.ones(1),))


def test_threads_share_recordings():
    replays, wrong = Replays(record=record_here), []

    def use(value):
        for i in range(50):
            x = torch.full((64,), float(value + i))
            if not torch.equal(replays(lambda x: (x * 2,), None, (x,))[0], 2 * x):
                wrong.append(value)

    threads = [threading.Thread(target=use, args=(100 * k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_model_colors_the_same_from_recordings():
    plain, recorded = small_model(), small_model()
    recorded.replays = Replays(record=record_here)
    # Hints come and go between edits; recordings have room for more of them than there are.
    for hints in (3, 3, 4, 9, 1, 0, 30):
        condition = conditioned(hints=hints)
        keys = [(0, k) for k in range(3)]
        expected, got = (sample_ab(model, condition, keys, num_steps=2) for model in (plain, recorded))
        torch.testing.assert_close(got, expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize("views", [1, 2])
def test_all_at_once_as_on_a_gpu_is_one_by_one(monkeypatch, views):
    model, told = small_model(), []
    conditions = [conditioned(seed=i, hints=3 + i) for i in range(views)]
    condition = type(conditions[0]).stack(conditions)
    keys = [(0, k) for k in range(5)]

    def both():
        guess = best_guess(model, condition, keys[0], num_steps=1, on_step=told.append)
        return guess, sample_ab(model, condition, keys, num_steps=2)

    expected = both()
    assert len(told) == passes(model, condition, num_steps=1) == 4
    told.clear()
    monkeypatch.setattr(sampling, "_together", lambda m, c, count: [slice(i, i + 3) for i in range(0, count, 3)])
    for a, b in zip(both(), expected, strict=True):
        torch.testing.assert_close(a, b, atol=1e-3, rtol=0)
    assert len(told) == passes(model, condition, num_steps=1) == 2
    assert runs(model, condition, 5) == 2


@gpu
def test_a_graph_on_a_gpu_is_the_pass():
    work = lambda x, y: (torch.nn.functional.silu(x @ y), x.mean(dim=0))  # noqa: E731
    x, y = (torch.randn(32, 32, device="cuda") for _ in range(2))
    run = record_on_gpu(work, (x, y))
    for _ in range(3):
        x.normal_()
        for a, b in zip(run(), work(x, y), strict=True):
            torch.testing.assert_close(a, b)


@gpu
@pytest.mark.parametrize("fill", ["auto", "gray"])
def test_a_gpu_colors_as_the_cpu_does(fill):
    image, hints = sample_micrograph(192, 256), sample_hints(192, 256)
    here, there = Colorizer.load(device="cpu"), Colorizer.load(device="cuda")
    expected = here.colorize(image, hints, variants=3, fill=fill).ab
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = [there.colorize(image, hints, variants=3, fill=fill).ab for _ in range(3)]
    # Recorded from the second time on: the same to the bit or nearly; bfloat16 is within a just noticeable difference.
    assert np.abs(results[2] - results[0]).mean() < 0.1
    assert np.abs(results[2] - expected).mean() < 1.0
