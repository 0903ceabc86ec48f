"""Several devices of one process: data and members divided among them, and what can't be."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from jax.sharding import AxisType, Mesh

import fnn
from fnn.spec import FnnError, SpecError
from fnn.sweeps import Member, train_members
from fnn.training.parallel.devices import check_divides, check_enough, mesh_of
from tests import spread
from tests.test_fit import DATA, RUN, same

ALL = ["resident", "continued", "streamed", "swept", "halved"]


def test_8_devices_give_what_one_gives(tmp_path):
    [made] = spread.run(tmp_path, ALL, 8)
    expected = spread.told(None, ALL)
    assert {"finished", "stopped early", "diverged"} == {
        str(leaf)
        for name, leaf in expected.items()
        if leaf.dtype.kind == "U" and "halved" not in name
    }
    assert spread.furthest(made, expected) <= 1e-12
    continued = {name: leaf for name, leaf in made.items() if name.startswith("['continued']")}
    assert len(continued) > 20
    for name, leaf in continued.items():
        assert leaf.tobytes() == made[name.replace("continued", "resident")].tobytes(), name


def test_one_device_is_the_default_and_a_mesh_of_it_is_one_too():
    alone = fnn.fit(RUN, DATA, DATA, epochs=3)
    same(fnn.fit(RUN, DATA, DATA, epochs=3, devices=1), alone)
    mesh = jax.make_mesh((1,), ("a",), axis_types=(AxisType.Explicit,))
    made = fnn.fit(RUN, DATA, DATA, epochs=3, devices=mesh)
    np.testing.assert_allclose(made.history["loss"], alone.history["loss"], rtol=1e-6)
    assert made.timing.device == alone.timing.device
    assert mesh_of(None) is mesh_of(1) is mesh_of("all") is mesh_of("cpu") is None


def test_a_mesh_states_its_axis_types():
    made = mesh_of(jax.devices(), "members")
    assert made is not None and made.axis_names == ("members",)
    assert made.axis_types == (AxisType.Auto,)


@pytest.mark.parametrize(
    ("devices", "told"),
    [
        (0, "devices: expected at least 1 device, got 0"),
        (-1, "devices: expected at least 1 device, got -1"),
        (True, "devices: expected a number of devices, 'all', a platform, devices or a mesh, got"),
        (2.0, "devices: expected a number of devices, 'all', a platform, devices or a mesh, got"),
        (99, "devices: 99 asked for, and JAX finds 1 (cpu); jax.config.update('jax_num_cpu_dev"),
        ("abacus", "devices: JAX finds no 'abacus' here, only cpu"),
        ([], "devices: expected devices, each once, got []"),
        (["cpu:0"], "devices: expected devices, each once, got ['cpu:0']"),
        ([jax.devices()[0]] * 2, "devices: expected devices, each once, got [CpuDevice"),
    ],
)
def test_devices_that_are_not_there(devices, told):
    with pytest.raises(SpecError) as caught:
        fnn.fit(RUN, DATA, DATA, epochs=1, devices=devices)
    assert str(caught.value).startswith(told)
    with pytest.raises(SpecError) as caught:
        train_members([Member({}, RUN, 0, 0)], DATA, DATA, epochs=1, devices=devices)
    assert str(caught.value).startswith(told)


def test_what_does_not_divide():
    three = Mesh(np.array(jax.devices() * 3), ("rows",))
    for size, sizes in ((32, "30 or 33"), (2, "3")):
        with pytest.raises(FnnError) as caught:
            check_divides(size, three)
        told = f"batch_size: {size} rows can't be divided among 3 devices: take {sizes}"
        assert str(caught.value) == told
    with pytest.raises(FnnError, match="devices: 3 are too many for 2 members"):
        check_enough(2, three)
    check_divides(33, three)
    check_divides(32, None)
    check_enough(3, three)
