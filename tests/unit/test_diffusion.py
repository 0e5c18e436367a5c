"""Schedules, predictions and samplers against closed forms: for Gaussian data the ideal denoiser is known."""

import math

import numpy as np
import pytest
import torch

from semcolorize.diffusion.noise import NoiseStreams
from semcolorize.diffusion.prediction import PREDICTIONS, add_noise, eps_from_x0, target, x0_from
from semcolorize.diffusion.sampler import sample_ddim, sample_ddpm, sample_dpm_solver
from semcolorize.diffusion.schedule import KINDS, Schedule, time_steps
from semcolorize.errors import ConfigError

MEAN, DEVIATION = 0.7, 0.4


def gaussian_denoiser(schedule):
    """E[x0 | x_t] for x0 ~ N(MEAN, DEVIATION^2)."""

    def denoise(x, t):
        alpha, sigma = schedule.alpha(t), schedule.sigma(t)
        gain = alpha * DEVIATION**2 / (alpha**2 * DEVIATION**2 + sigma**2)
        return MEAN + gain * (x - alpha * MEAN)

    return denoise


def exact_flow(schedule, x):
    """Where the probability-flow ODE takes noise at t = 1: the Gaussian quantile map."""
    one = torch.ones((), dtype=torch.float64)
    alpha, sigma = schedule.alpha(one), schedule.sigma(one)
    return MEAN + DEVIATION * (x - alpha * MEAN) / (alpha**2 * DEVIATION**2 + sigma**2).sqrt()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shift", [1.0, 0.5])
def test_schedules_preserve_variance_and_lose_signal(kind, shift):
    schedule = Schedule(kind, shift)
    t = torch.linspace(0, 1, 101, dtype=torch.float64)
    alpha, sigma = schedule.alpha(t), schedule.sigma(t)
    torch.testing.assert_close(alpha**2 + sigma**2, torch.ones_like(t))
    assert (schedule.log_snr(t).diff() <= 0).all()
    assert alpha[0] > 0.99 and alpha[-1] < 0.01
    torch.testing.assert_close(schedule.log_snr(t).exp(), (alpha / sigma) ** 2)


def test_sigmoid_is_the_thesis_schedule():
    """Jabri et al. 2022, algorithm 1, with start -3, end 3, tau 1; symmetric: half of the signal power at t = 1/2."""
    schedule = Schedule("sigmoid")
    half = torch.tensor(0.5, dtype=torch.float64)
    assert float(schedule.alpha(half)) ** 2 == pytest.approx(0.5)
    quarter = torch.tensor(0.25, dtype=torch.float64)
    s = lambda x: 1 / (1 + math.exp(-x))  # noqa: E731
    expected = (s(3) - s(0.25 * 6 - 3)) / (s(3) - s(-3))
    assert float(schedule.alpha(quarter)) ** 2 == pytest.approx(expected)


def test_linear_is_close_to_the_discrete_betas_of_ho():
    product = np.cumprod(1 - np.linspace(1e-4, 0.02, 1000))
    t = torch.linspace(1, 1000, 1000, dtype=torch.float64) / 1000
    # exp(-integral) against the product of 1 - beta: they differ by sum(beta^2)/2.
    np.testing.assert_allclose((Schedule("linear").alpha(t) ** 2).numpy()[:600], product[:600], rtol=0.05)


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_predictions_round_trip(prediction):
    generator = torch.Generator().manual_seed(0)
    x0, noise = (torch.randn(2, 2, 8, 8, generator=generator, dtype=torch.float64) for _ in range(2))
    for angle in (0.1, 0.8, 1.5):
        alpha, sigma = (torch.tensor(f(angle), dtype=torch.float64) for f in (math.cos, math.sin))
        x_t = add_noise(x0, noise, alpha, sigma)
        output = target(prediction, x0, noise, alpha, sigma)
        torch.testing.assert_close(x0_from(prediction, output, x_t, alpha, sigma), x0)
        torch.testing.assert_close(eps_from_x0(x0, x_t, alpha, sigma), noise)


def start(count=64):
    return torch.randn(1, 1, 1, count, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def error(sampler, steps, schedule):
    x = start()
    result = sampler(gaussian_denoiser(schedule), x, schedule, time_steps(steps))
    return float((result - exact_flow(schedule, x)).abs().max())


def test_ddim_converges_with_first_order():
    schedule = Schedule("cosine")
    errors = [error(sample_ddim, n, schedule) for n in (64, 128, 256)]
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.2)
    assert errors[1] / errors[2] == pytest.approx(2, rel=0.2)


def test_dpm_solver_beats_ddim_and_converges_faster():
    schedule = Schedule("cosine")
    errors = [error(sample_dpm_solver, n, schedule) for n in (16, 32, 64)]
    assert errors[0] < error(sample_ddim, 16, schedule) / 2
    assert errors[0] / errors[2] > 8


@pytest.mark.parametrize("kind", KINDS)
def test_ancestral_sampling_reaches_mean_and_variance(kind):
    schedule = Schedule(kind)
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(1, 1, 100, 200, generator=generator, dtype=torch.float64)
    result = sample_ddpm(
        gaussian_denoiser(schedule), x, schedule, time_steps(400),
        noise=lambda: torch.randn(x.shape, generator=generator, dtype=torch.float64),
    )  # fmt: skip
    assert float(result.mean()) == pytest.approx(MEAN, abs=0.02)
    assert float(result.std()) == pytest.approx(DEVIATION, rel=0.03)


def test_callbacks_see_every_step_and_the_end():
    schedule, seen = Schedule(), []
    result = sample_ddim(gaussian_denoiser(schedule), start(), schedule, time_steps(5), callback=seen.append)
    assert [step.index for step in seen] == [1, 2, 3, 4, 5] and {step.count for step in seen} == {5}
    assert seen[0].t == 1.0
    torch.testing.assert_close(seen[-1].x0, result)


def test_one_step_is_the_denoiser_itself():
    schedule, x = Schedule(), start()
    expected = gaussian_denoiser(schedule)(x, torch.ones((), dtype=torch.float64))
    for sampler in (sample_ddim, sample_dpm_solver):
        torch.testing.assert_close(sampler(gaussian_denoiser(schedule), x, schedule, time_steps(1)), expected)


def test_noise_streams_do_not_depend_on_their_neighbors():
    nine = NoiseStreams([(5, variant) for variant in range(9)])
    first, second = nine.normal((2, 4, 4)), nine.normal((2, 4, 4))
    alone = NoiseStreams([(5, 3)])
    torch.testing.assert_close(alone.normal((2, 4, 4))[0], first[3], rtol=0, atol=0)
    torch.testing.assert_close(alone.normal((2, 4, 4))[0], second[3], rtol=0, atol=0)
    assert not torch.equal(first[0], first[1]) and not torch.equal(first, second)
    assert not torch.equal(NoiseStreams([(6, 3)]).normal((2, 4, 4))[0], first[3])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Schedule("sigmoyd"), "'sigmoyd' is not known; there are sigmoid, cosine, linear"),
        (lambda: Schedule("cosine", 0.0), "shift 0.0 must be a positive number"),
        (lambda: time_steps(0), "num_steps is 0; at least 1"),
        (lambda: sample_ddim(None, start(), Schedule(), torch.tensor([0.0, 1.0])), "times must fall"),
    ],
)
def test_wrong_settings_are_named(make, words):
    with pytest.raises(ConfigError, match=words):
        make()
