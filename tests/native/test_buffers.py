from __future__ import annotations

import threading

import pytest

from deblurcli.native.buffers import SMALL, pooled_empty


@pytest.mark.parametrize("rows", [1, 64])
def test_the_shape_and_the_order_of_memory(rows):
    image = pooled_empty(2, 32, rows, 100)
    assert image.shape == (2, 32, rows, 100)
    assert image.permute(0, 2, 3, 1).is_contiguous()
    assert pooled_empty(1, 32, 0, 100).shape == (1, 32, 0, 100)


def test_memory_is_used_again_once_nothing_lies_in_it_any_more():
    first = pooled_empty(1, 32, SMALL // 32, 4)
    first.fill_(1)
    place, part = first.data_ptr(), first[:, :, 5:7]
    del first
    other = pooled_empty(1, 32, SMALL // 32, 4)
    other.fill_(2)
    assert other.data_ptr() != place  # `part` still lies there
    assert float(part.min()) == 1
    del part
    assert pooled_empty(1, 32, SMALL // 32 - 100, 4).data_ptr() == place


def test_what_another_thread_lets_go_comes_back_to_the_first():
    box = [pooled_empty(1, 32, SMALL // 32, 4)]
    place = box[0].data_ptr()
    thread = threading.Thread(target=box.clear)
    thread.start()
    thread.join()
    assert pooled_empty(1, 32, SMALL // 32, 4).data_ptr() == place
