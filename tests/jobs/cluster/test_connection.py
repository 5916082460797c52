import pytest

from deblurcli.errors import UsageError
from deblurcli.jobs.on_ray.connection import Share, connected, share_of


def nodes(*resources):
    return [{"Alive": True, "Resources": one} for one in resources] + [{"Alive": False, "Resources": {"CPU": 64.0}}]


@pytest.mark.parametrize(
    ("resources", "workers", "device", "share"),
    [
        ([{"CPU": 16.0}, {"CPU": 8.0}], None, "auto", Share(6, 4, 0)),
        ([{"CPU": 16.0}, {"CPU": 2.0}, {}], None, "auto", Share(9, 2, 0)),
        ([{"CPU": 16.0}, {"CPU": 8.0}], 2, "auto", Share(2, 8, 0)),
        ([{"CPU": 16.0}, {"CPU": 8.0}], 3, "cpu", Share(3, 8, 0)),
        ([{"CPU": 1.0}, {"CPU": 1.0}], 5, "auto", Share(5, 1, 0)),  # three wait for machines
        ([{}], 4, "auto", Share(4, 1, 0)),
        ([{"CPU": 8.0, "GPU": 2.0}, {"CPU": 8.0}], None, "auto", Share(2, 1, 1)),
        ([{"CPU": 8.0, "GPU": 2.0}, {"CPU": 8.0}], None, "cpu", Share(4, 4, 0)),
        ([{"CPU": 8.0, "GPU": 2.0}], 1, "cuda", Share(1, 1, 1)),
    ],
)
def test_shares(resources, workers, device, share):
    assert share_of(nodes(*resources), workers, device) == share


@pytest.mark.parametrize(("resources", "device"), [({}, "auto"), ({"CPU": 4.0}, "cuda"), ({"GPU": 4.0}, "cuda:1")])
def test_clusters_that_do_not_fit(resources, device):
    with pytest.raises(UsageError):
        share_of(nodes(resources), None, device)


@pytest.mark.parametrize("address", ["here", "ray://head:10001", "127.0.0.1:9", "127.0.0.1:99999"])
def test_addresses_where_there_is_no_cluster(address):
    pytest.importorskip("ray", reason="needs ray, see the extra cluster-dev")
    with pytest.raises(UsageError, match="--address"), connected(address):
        pass
