"""The random walker over learned outlines, against plain linear algebra and finite differences."""

import numpy as np
import pytest
import torch

from semcolorize.propagation.grid_walker import GridOutlines
from semcolorize.propagation.outline_walker import OutlineSystem, Seeds, walk_over


def drawn(seed=0, shape=(5, 6)):
    rng = np.random.default_rng(seed)
    height, width = shape
    return rng.uniform(0.05, 1, (height, width - 1)), rng.uniform(0.05, 1, (height - 1, width)), 0.03


def dense(across, down, leak):
    """The same system, written down neighbor by neighbor."""
    height, width = across.shape[0], down.shape[1]
    system = leak * np.eye(height * width)
    for row in range(height):
        for column in range(width):
            here = row * width + column
            if column + 1 < width:
                _join(system, here, here + 1, across[row, column])
            if row + 1 < height:
                _join(system, here, here + width, down[row, column])
    return system


def _join(system, a, b, weight):
    system[a, a] += weight
    system[b, b] += weight
    system[a, b] -= weight
    system[b, a] -= weight


def seeds(cells=(3, 17, 18), strength=(20.0, 5.0, 1.0)):
    values, count = np.array([[1.0, 0.0], [0.0, 1.0], [0.25, 0.75]]), len(cells)
    return Seeds(np.array(cells), np.array(strength[:count]), values[:count])


def test_a_walk_solves_grady_s_system_with_soft_seeds():
    across, down, leak = drawn()
    one = seeds()
    system = dense(across, down, leak)
    system[one.cells, one.cells] += one.strength
    right = np.zeros((30, 2))
    right[one.cells] = one.strength[:, None] * one.values
    np.testing.assert_allclose(OutlineSystem(across, down, leak).walk(one), np.linalg.solve(system, right), atol=1e-5)


def test_chances_lie_between_nothing_and_all_and_the_rest_leaks():
    walked = OutlineSystem(*drawn(1)).walk(seeds())
    assert walked.min() > 0 and walked.sum(axis=1).max() < 1


def test_a_closed_outline_holds_a_walker_back():
    across, down = np.ones((9, 8)), np.ones((8, 9))
    across[2:7, 1] = across[2:7, 6] = down[1, 2:7] = down[6, 2:7] = 1e-4
    one = Seeds(np.array([40]), np.array([20.0]), np.ones((1, 1)))
    walked = OutlineSystem(across, down, 2e-3).walk(one).reshape(9, 9)
    assert walked[2:7, 2:7].min() > 0.9
    assert walked[:2].max() < 0.05


def test_what_was_hinted_before_changes_nothing():
    across, down, leak = drawn(2)
    used, fresh = OutlineSystem(across, down, leak), OutlineSystem(across, down, leak)
    used.walk(seeds((0, 1, 2)))
    used.walk(seeds((3, 5)))
    np.testing.assert_array_equal(used.walk(seeds()), fresh.walk(seeds()))


def test_without_seeds_nothing_is_reached():
    none = Seeds(np.zeros(0, int), np.zeros(0), np.zeros((0, 3)))
    np.testing.assert_array_equal(OutlineSystem(*drawn()).walk(none), np.zeros((30, 3)))


@pytest.mark.parametrize("seed", [0, 1])
def test_gradients_are_those_of_finite_differences(seed):
    across, down, leak = drawn(seed)
    weight = np.random.default_rng(5).normal(size=(2, 30, 2))
    sets = [seeds(), seeds((7, 22))]

    def value(across, down, leak):
        system = OutlineSystem(across, down, leak)
        return sum(float((w * system.walk(one)).sum()) for w, one in zip(weight, sets, strict=True))

    tensors = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (across, down, leak)]
    walked = walk_over(*tensors, OutlineSystem(across, down, leak), sets)
    (walked * torch.tensor(weight)).sum().backward()
    step = 1e-3
    for place in ((0, 0), (2, 3), (4, 4)):
        moved = [across.copy(), across.copy()]
        moved[0][place] += step
        moved[1][place] -= step
        slope = (value(moved[0], down, leak) - value(moved[1], down, leak)) / (2 * step)
        assert float(tensors[0].grad[place]) == pytest.approx(slope, rel=0.05, abs=5e-3)
    slope = (value(across, down, leak + step) - value(across, down, leak - step)) / (2 * step)
    assert float(tensors[2].grad) == pytest.approx(slope, rel=0.05)
    assert tensors[1].grad.shape == down.shape


def test_systems_solved_at_once_are_those_solved_one_by_one_with_gradients():
    across, down, leak = (np.stack([drawn(s)[i] for s in (0, 1)]) if i < 2 else drawn()[2] for i in range(3))
    sets, image = [seeds(), seeds((7, 22)), seeds((0,))], torch.tensor([0, 1, 1])
    weight = torch.from_numpy(np.random.default_rng(5).normal(size=(3, 30, 2)))
    tensors = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (across, down, leak)]
    grid_tensors = [torch.tensor(x, dtype=torch.float32, requires_grad=True) for x in (across, down, leak)]
    strength, values = torch.zeros(3, 30), torch.zeros(3, 2, 30)
    one_by_one = []
    for row, (i, one) in enumerate(zip(image.tolist(), sets, strict=True)):
        system = OutlineSystem(across[i], down[i], leak)
        one_by_one.append(walk_over(tensors[0][i], tensors[1][i], tensors[2], system, [one])[0])
        np.testing.assert_allclose(one_by_one[row].detach().numpy(), system.walk(one), atol=1e-5)
        strength[row, one.cells] = torch.from_numpy(one.strength).float()
        values[row, :, one.cells] = torch.from_numpy(one.values).float().T
    (torch.stack(one_by_one) * weight).sum().backward()
    grid = GridOutlines(*grid_tensors).walk(image, strength.view(3, 5, 6), values.view(3, 2, 5, 6))
    at_once = grid.flatten(2).transpose(1, 2)
    torch.testing.assert_close(at_once, torch.stack(one_by_one).float(), atol=1e-4, rtol=1e-3)
    (at_once * weight).sum().backward()
    for a, b in zip(grid_tensors, tensors, strict=True):
        torch.testing.assert_close(a.grad.double(), b.grad.double(), atol=2e-3, rtol=0.02)
