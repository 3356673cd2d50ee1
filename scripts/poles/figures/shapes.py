"""Shapes of the countries of the world, and the projection of maps.

The file beside this module holds the 1:50m countries of Natural Earth as TopoJSON: borders are stored once,
as arcs on the sphere that two shapes share. So simplified shapes still fit together.
"""

import functools
import hashlib
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from poles import countries
from poles.errors import StudyError

FILE = Path(__file__).with_suffix(".countries-50m.json")
SHA256 = "04342cdc1e3016bcd7db1630de95684d67b79fe3c8c460321e87aef469502394"
NAMED = {"Kosovo": "XK", "Somaliland": "SO", "N. Cyprus": "CY"}
"""Country of each shape that has no numeric code, as ISO 3166-1 or OpenAlex assign its institutions.

Two more have none and stay without country: the Siachen Glacier, and the Indian Ocean Territories, which are
two countries in ISO 3166-1.
"""
LEFT_OUT = "AQ"
"""Antarctica is not drawn: its ring runs around a pole of the globe, and no institution is there."""
TOLERANCE = 0.006
"""Greatest distance of a simplified border from the true one, in radii of the globe (38 km)."""
SMALL = 4e-4
"""Area below which a country gets a mark beside its shape, in squared radii of the globe (16,000 km2)."""
EQUAL_EARTH = (1.340264, -0.081106, 0.000893, 0.003796)
HALF_WIDTH, HALF_HEIGHT = 2.70663, 1.31737
"""Half the extent of the projected globe, in its radii."""


class Shape(NamedTuple):
    """Outline of a country on the map.

    Attributes
    ----------
    rings : list of np.ndarray
        Closed rings, float64[:, 2], projected. Holes run the other way round. There may be none if the
        country is smaller than the tolerance.
    centre : np.ndarray
        Longitude and latitude in degrees of the middle of the largest part, float64[2].
    area : float
        In squared radii of the globe.
    """

    rings: list[np.ndarray]
    centre: np.ndarray
    area: float


def equal_earth(longitude: np.ndarray, latitude: np.ndarray) -> np.ndarray:
    """Project positions by the Equal Earth projection (Šavrič, Patterson and Jenny 2018).

    Parameters
    ----------
    longitude, latitude : np.ndarray
        In degrees, of one shape.

    Returns
    -------
    np.ndarray
        x and y in radii of the globe, float64[..., 2].
    """
    a1, a2, a3, a4 = EQUAL_EARTH
    theta = np.arcsin(np.sqrt(3) / 2 * np.sin(np.radians(latitude)))
    even = theta**2
    x = 2 * np.sqrt(3) * np.radians(longitude) * np.cos(theta)
    x /= 3 * (a1 + 3 * a2 * even + even**3 * (7 * a3 + 9 * a4 * even))
    return np.stack([x, theta * (a1 + a2 * even + even**3 * (a3 + a4 * even))], axis=-1)


@functools.cache
def load() -> tuple[dict[str, Shape], list[np.ndarray]]:
    """Read the shapes of all countries.

    Returns
    -------
    shapes : dict
        `Shape` by two-letter code, sorted. Some small countries have none, see `without_shape`.
    others : list of np.ndarray
        Projected rings of land that belongs to no country of the data.

    Raises
    ------
    StudyError
        If the file is not the one that belongs here.
    """
    content = FILE.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise StudyError(f"{FILE}: this is not the file of world-atlas 2.0.2, whose SHA-256 is {SHA256}")
    atlas = json.loads(content)
    arcs = [_positions(arc, atlas["transform"]) for arc in atlas["arcs"]]
    simple = [_simplify(arc) for arc in arcs]
    numeric = countries.numeric()
    parts: dict[str | None, list[list[int]]] = {}
    for feature in atlas["objects"]["countries"]["geometries"]:
        code = NAMED.get(feature["properties"]["name"], numeric.get(int(feature.get("id", -1))))
        polygons = [feature["arcs"]] if feature["type"] == "Polygon" else feature["arcs"]
        parts.setdefault(code, []).extend(itertools.chain.from_iterable(polygons))
    others = [ring for indices in parts.pop(None) for ring in _projected(_ring(indices, simple))]
    shapes = {
        code: _shape(parts[code], arcs, simple) for code in sorted(filter(None, parts)) if code != LEFT_OUT
    }
    return shapes, others


def without_shape() -> list[str]:
    """Codes of the countries that have no shape, sorted."""
    return sorted(countries.names().keys() - load()[0].keys())


def great_circle(start: np.ndarray, end: np.ndarray, points: int = 25) -> list[np.ndarray]:
    """Shortest way between two places, projected.

    Parameters
    ----------
    start, end : np.ndarray
        Longitude and latitude in degrees, float64[2].
    points : int
        Number of points of the way.

    Returns
    -------
    list of np.ndarray
        One line, float64[:, 2], or two where the way leaves the map at one side and enters at the other.
    """
    first, last = _unit(np.stack([start, end]))
    angle = np.arccos(np.clip(first @ last, -1, 1))
    share = np.linspace(0, 1, points)[:, None]
    if angle < 1e-9:
        return []
    way = (np.sin((1 - share) * angle) * first + np.sin(share * angle) * last) / np.sin(angle)
    longitude, latitude = _degrees(way)
    breaks = np.flatnonzero(np.abs(np.diff(longitude)) > 180) + 1
    lines = np.split(equal_earth(longitude, latitude), breaks)
    return [line for line in lines if len(line) > 1]


def outline() -> np.ndarray:
    """Edge of the projected globe, a closed ring, float64[:, 2]."""
    latitude = np.linspace(-90, 90, 37)
    longitude = np.full(37, 180.0)
    return np.concatenate([equal_earth(longitude, latitude), equal_earth(-longitude, latitude[::-1])])


def _positions(arc: list[list[int]], transform: dict[str, list[float]]) -> np.ndarray:
    """Longitude and latitude of an arc, which is stored as differences of whole numbers."""
    return np.cumsum(np.array(arc, dtype=float), axis=0) * transform["scale"] + transform["translate"]


def _unit(positions: np.ndarray) -> np.ndarray:
    """Places on the globe of radius 1, float64[..., 3]."""
    longitude, latitude = np.radians(positions[..., 0]), np.radians(positions[..., 1])
    return np.stack(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)],
        axis=-1,
    )


def _degrees(places: np.ndarray) -> np.ndarray:
    """Longitudes and latitudes of places on the globe, float64[2, ...]."""
    x, y, z = np.moveaxis(places, -1, 0)
    return np.degrees([np.arctan2(y, x), np.arctan2(z, np.hypot(x, y))])


def _simplify(arc: np.ndarray) -> np.ndarray:
    """Leave points out that are closer to the simpler arc than the tolerance (Douglas and Peucker 1973).

    Distances are straight through the globe, so an arc may cross any meridian.
    """
    places = _unit(arc)
    kept = np.zeros(len(arc), dtype=bool)
    kept[[0, -1]] = True
    spans = [(0, len(arc) - 1)]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        chord = places[last] - places[first]
        offset = places[first + 1 : last] - places[first]
        length = chord @ chord
        if length > 0:
            along = np.minimum(np.maximum(offset @ chord / length, 0), 1)
            offset = offset - along[:, None] * chord
        squares = np.einsum("ij,ij->i", offset, offset)
        furthest = int(squares.argmax())
        if squares[furthest] > TOLERANCE**2:
            middle = first + 1 + furthest
            kept[middle] = True
            spans += [(first, middle), (middle, last)]
    return arc[kept]


def _ring(indices: list[int], arcs: list[np.ndarray]) -> np.ndarray:
    """Ring of an ordered list of arcs; a negative number means an arc from its end to its start."""
    pieces = [arcs[index] if index >= 0 else arcs[~index][::-1] for index in indices]
    return np.concatenate([pieces[0], *(piece[1:] for piece in pieces[1:])])


def _shape(parts: list[list[int]], arcs: list[np.ndarray], simple: list[np.ndarray]) -> Shape:
    """Shape of one country from the arcs of its rings."""
    full = [_ring(indices, arcs) for indices in parts]
    areas = [_area(ring) for ring in full]
    rings = [ring for indices in parts for ring in _projected(_ring(indices, simple))]
    return Shape(rings, _middle(full[int(np.argmax(np.abs(areas)))]), abs(sum(areas)))


def _area(ring: np.ndarray) -> float:
    """Signed area on the globe of radius 1 of a closed ring that holds no pole.

    It is the integral of the sine of latitude over longitude (Lambert's equal-area cylinder), whose steps are
    taken the short way round.
    """
    longitude, latitude = np.radians(ring.T)
    steps = (np.diff(longitude) + np.pi) % (2 * np.pi) - np.pi
    height = np.sin(latitude)
    return float(steps @ (height[:-1] + height[1:])) / -2


def _middle(ring: np.ndarray) -> np.ndarray:
    """Centroid of a ring in degrees, as if degrees were a plane."""
    x, y = _unwrapped(ring).T
    cross = x[:-1] * y[1:] - x[1:] * y[:-1]
    centre = [((side[:-1] + side[1:]) @ cross) / (3 * cross.sum()) for side in (x, y)]
    return np.array([(centre[0] + 180) % 360 - 180, centre[1]])


def _unwrapped(ring: np.ndarray) -> np.ndarray:
    """Ring whose longitudes do not jump at 180 degrees, but go on."""
    return np.stack([np.unwrap(ring[:, 0], period=360), ring[:, 1]], axis=-1)


def _projected(ring: np.ndarray) -> Iterator[np.ndarray]:
    """Parts of a ring on the map, projected. One that crosses the edge, as in Fiji, is cut there."""
    if len(ring) < 4:
        return
    unwrapped = _unwrapped(ring)
    first = int(np.floor((unwrapped[:, 0].min() + 180) / 360))
    last = int(np.ceil((unwrapped[:, 0].max() + 180) / 360))
    for turn in range(first, last):
        piece = unwrapped - [360 * turn, 0]
        for sign in (1, -1):
            piece = _cut(piece, sign)
        if len(piece) > 3:
            yield equal_earth(piece[:, 0], piece[:, 1])


def _cut(ring: np.ndarray, sign: int) -> np.ndarray:
    """Part of a closed ring within 180 degrees of longitude on one side (Sutherland and Hodgman 1974)."""
    x = sign * ring[:, 0]
    if (x <= 180).all():
        return ring
    points: list[Any] = []
    for (here, there), (x0, x1) in zip(itertools.pairwise(ring), itertools.pairwise(x), strict=True):
        if x0 <= 180:
            points.append(here)
        if (x0 <= 180) != (x1 <= 180):
            points.append(here + (there - here) * (180 - x0) / (x1 - x0))
    return np.array([*points, points[0]]) if points else np.empty((0, 2))
