"""Where a process stands in a run of several, as it is told or as the cluster says."""

import socket

import pytest

from ssljax.errors import UserError
from ssljax.training.hosts import Place, _reserve_port, find_place


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch):
    for name in ("SLURM_JOB_ID", "OMPI_MCA_orte_hnp_uri", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)


def test_slurm_and_open_mpi_say_where_a_process_stands(monkeypatch):
    slurm = {"JOB_ID": 4, "STEP_NODELIST": "n[07-09]", "NTASKS": 3, "PROCID": 1, "LOCALID": 0}
    for name, value in slurm.items():
        monkeypatch.setenv(f"SLURM_{name}", str(value))
    assert find_place(None, None, None, patience=1) == Place("n07:61444", 3, 1, (0,))
    assert find_place("n08:1234", None, None, patience=1) == Place("n08:1234", 3, 1, (0,))
    monkeypatch.delenv("SLURM_JOB_ID")
    open_mpi = {
        "MCA_orte_hnp_uri": "8192.0;tcp://10.96.0.1,10.148.0.1:34911",
        "COMM_WORLD_SIZE": 2,
        "COMM_WORLD_RANK": 1,
        "COMM_WORLD_LOCAL_RANK": 1,
    }
    for name, value in open_mpi.items():
        monkeypatch.setenv(f"OMPI_{name}", str(value))
    assert find_place(None, None, None, patience=1) == Place("10.96.0.1:61442", 2, 1, (1,))


def test_addresses_of_both_kinds():
    assert Place("node7:1234", 2, 0).address == ("node7", 1234)
    assert Place("[fe80::1]:1234", 2, 0).address == ("fe80::1", 1234)


@pytest.mark.parametrize(
    "place, message",
    [
        (("h:1", 2, 2), "--process-id 2 must be from 0 to 1, as --num-processes is 2"),
        (("h:1", 2, -1), "--process-id -1 must be from 0 to 1"),
        (("h:1", 0, 0), "--num-processes 0 must be at least 1"),
        (("h", 2, 0), "--coordinator h is not the HOST:PORT of process 0"),
        (("h:", 2, 0), "is not the HOST:PORT"),
        ((":99", 2, 0), "is not the HOST:PORT"),
        (("h:65536", 2, 0), "is not the HOST:PORT"),
        (("h:http", 2, 0), "is not the HOST:PORT"),
        ((None, None, None), "give --coordinator HOST:PORT, --num-processes N, --process-id I"),
        (("h:1", 2, None), "of several processes; give --process-id I"),
    ],
)
def test_a_place_that_cannot_be_is_refused(place, message):
    with pytest.raises(UserError, match=message):
        find_place(*place, patience=1)


def test_a_reserved_port_goes_to_those_who_share_it_alone():
    with _reserve_port() as holder:
        port = holder.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            socket.create_server(("", port))
        with socket.create_server(("", port), reuse_port=True):
            pass
