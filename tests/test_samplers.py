"""Samplers and schedules against calculations of another kind: tables, other libraries, integrals, exact solutions."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from zimage_lab.engine.families import euler, samplers
from zimage_lab.engine.families.sigmas import denoised_partly, shifted, sigmas

SHIFT = 3.0
TABLE = np.array([shifted(entry / 1000, SHIFT) for entry in range(1, 1001)])  # as ComfyUI keeps it
SAMPLERS = ("euler", "heun", "res_multistep", "dpmpp_2m")


def exact(x: float, begin: float, end: float) -> float:
    """Solve dx / dsigma = (x - D(sigma)) / sigma for D(sigma) = sin(3 sigma) numerically, to the last digits."""
    found = integrate.solve_ivp(
        lambda sigma, x: (x - math.sin(3 * sigma)) / sigma, (begin, end), [x], method="DOP853", rtol=1e-12, atol=1e-12
    )
    return float(found.y[0, -1])


def walked(sampler: str, shares: list[float], x: float = 0.7) -> float:
    def velocity(x: torch.Tensor, step: int) -> torch.Tensor:
        return (x - math.sin(3 * shares[step])) / shares[step]

    given = torch.tensor([[[[x]]]], dtype=torch.float64)
    return float(samplers.walk(sampler, given, shares, velocity, lambda *_: None))


@pytest.mark.parametrize("steps", [1, 4, 8, 20, 50])
def test_simple_is_every_nth_of_the_table(steps: int) -> None:
    expected = [TABLE[-(1 + int(step * 1000 / steps))] for step in range(steps)]
    assert np.allclose(sigmas("simple", steps, SHIFT), [*expected, 0], atol=1e-3 if 1000 % steps else 1e-6)


def test_simple_with_shift_3_has_the_published_shares() -> None:
    assert np.allclose(sigmas("simple", 8, 3.0), [1, 0.9545, 0.9, 0.8333, 0.75, 0.6429, 0.5, 0.3, 0], atol=1e-4)


@pytest.mark.parametrize("steps", [1, 2, 8, 30])
def test_normal_and_sgm_uniform_are_linear_down_to_the_smallest_share(steps: int) -> None:
    low = TABLE[0]
    normal = [SHIFT * t / (1 + 2 * t) for t in np.linspace(1, low, steps)]
    uniform = [SHIFT * t / (1 + 2 * t) for t in np.linspace(1, low, steps + 1)[:-1]]
    assert np.allclose(sigmas("normal", steps, SHIFT), [*normal, 0], atol=1e-6)
    assert np.allclose(sigmas("sgm_uniform", steps, SHIFT), [*uniform, 0], atol=1e-6)


@pytest.mark.parametrize("steps", [1, 8, 20, 50])
def test_beta_follows_the_quantiles_of_the_distribution(steps: int) -> None:
    found = sigmas("beta", steps, SHIFT)
    assert len(found) == steps + 1
    for step, share in enumerate(found[:-1]):
        time = share / (SHIFT - (SHIFT - 1) * share)  # the shift, taken back
        # The density integrated from 0: the share of steps that is still to come.
        entry = time * 1000 - 1
        low, high = ((entry + half) / 999 for half in (-0.5, 0.5))
        assert stats.beta.cdf(low, 0.6, 0.6) - 1e-5 <= 1 - step / steps <= stats.beta.cdf(high, 0.6, 0.6) + 1e-5


@pytest.mark.parametrize("scheduler", ["simple", "normal", "sgm_uniform", "beta"])
@pytest.mark.parametrize("steps", [1, 2, 9, 50, 400])
def test_every_schedule_falls_from_one_to_nothing(scheduler: str, steps: int) -> None:
    found = sigmas(scheduler, steps, SHIFT)
    assert found[0] == 1
    assert found[-1] == 0
    assert all(later < earlier for earlier, later in pairwise(found))
    assert len(found) == steps + 1 or scheduler == "beta"


def test_denoise_takes_the_last_steps_of_a_longer_walk() -> None:
    assert denoised_partly("simple", 4, SHIFT, 0.5) == sigmas("simple", 8, SHIFT)[-5:]
    assert denoised_partly("normal", 4, SHIFT, 1.0) == sigmas("normal", 4, SHIFT)
    assert denoised_partly("normal", 4, SHIFT, 0.0) == []


@pytest.mark.parametrize(("sampler", "order"), [("euler", 1), ("heun", 2), ("res_multistep", 2), ("dpmpp_2m", 2)])
def test_a_sampler_nears_the_solution_with_its_order(sampler: str, order: int) -> None:
    truth, errors = exact(0.7, 0.9, 0.2), []
    for steps in (40, 80):
        # Evenly spaced in log sigma, where the two that remember are told apart from the first order.
        shares = [float(share) for share in np.geomspace(0.9, 0.2, steps + 1)]
        errors.append(abs(walked(sampler, shares) - truth))
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.25)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_what_is_expected_all_along_is_what_comes_out(sampler: str) -> None:
    shares = sigmas("simple", 6, SHIFT)
    picture = torch.randn(1, 2, 3, 3, generator=torch.Generator().manual_seed(1))
    noise = torch.randn(1, 2, 3, 3, generator=torch.Generator().manual_seed(2))
    told: list[int] = []
    found = samplers.walk(
        sampler, noise, shares, lambda x, step: (x - picture) / shares[step], lambda number, _: told.append(number)
    )
    assert torch.allclose(found, picture, atol=1e-5)
    assert told == [1, 2, 3, 4, 5, 6]


def test_res_multistep_integrates_the_line_through_two_pictures_exactly() -> None:
    now, following, before = 0.6, 0.45, 0.8
    length, back = math.log(now / following), math.log(before / now)
    own, last = 1.7, -0.4

    def line(at: float) -> float:  # D(0) is the newer one, D(-back) the older
        return own + (own - last) * at / back

    integral, _ = integrate.quad(lambda at: math.exp(at - length) * line(at), 0, length)
    weights = samplers._exact(length, back)
    assert weights[0] * own + weights[1] * last == pytest.approx(integral, abs=1e-12)


def test_heun_is_that_of_diffusers() -> None:
    from diffusers import FlowMatchHeunDiscreteScheduler

    def told(x: torch.Tensor, share: float) -> torch.Tensor:
        return torch.sin(4 * x) * (1 + share)

    x = torch.randn(1, 2, 4, 4, generator=torch.Generator().manual_seed(3))
    heun = FlowMatchHeunDiscreteScheduler(shift=1.0)
    heun.set_timesteps(6)
    own = [float(one) for one in dict.fromkeys(heun.sigmas.tolist())]
    theirs = x
    for time, share in zip(heun.timesteps, heun.sigmas[:-1], strict=False):
        theirs = heun.step(told(theirs, float(share)), time, theirs).prev_sample
    found = samplers.walk("heun", x, own, lambda x, step: told(x, own[step]), lambda *_: None)
    assert torch.allclose(found, theirs, atol=1e-5)


def test_dpmpp_2m_is_algorithm_2_of_its_paper() -> None:
    """x_t = (s_t / s_s) x - (e^-h - 1) D; D = (1 + 1/2r) x_i - (1/2r) x_(i-1); r = h_(i-1) / h_i; lambda = -log s."""
    shares = sigmas("beta", 7, SHIFT)
    x, old, pace = 0.7, None, None
    for now, following in pairwise(shares):
        own = math.sin(3 * now)
        if following == 0:
            x = own
            break
        h = -math.log(following) + math.log(now)
        r = None if pace is None else pace / h
        mixed = own if old is None or r is None else (1 + 1 / (2 * r)) * own - 1 / (2 * r) * old
        x = following / now * x - (math.exp(-h) - 1) * mixed
        old, pace = own, h
    assert walked("dpmpp_2m", shares) == pytest.approx(x, abs=1e-12)


def test_euler_is_the_walk_that_was() -> None:
    x = torch.randn(1, 2, 4, 4, generator=torch.Generator().manual_seed(3))
    shares = sigmas("simple", 5, SHIFT)
    ways = [
        walk(x, shares, lambda x, step: x * (step + 1), lambda *_: None)
        for walk in (euler.walk, lambda *given: samplers.walk("euler", *given))
    ]
    assert torch.equal(*ways)
