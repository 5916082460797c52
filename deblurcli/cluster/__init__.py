"""A batch beyond one machine: photos in any store that fsspec reaches, restored here or on a Ray cluster.

`tasks` decides what is to be done, `worker` does one photo from store to store, `here` and `on_ray` get through many of
them, and `run` puts it all together. Importing these modules loads neither Ray nor fsspec nor torch.
"""
