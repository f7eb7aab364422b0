"""The sections of `SynthesisRecipe`: every probability and range of the synthesis, with what it means.

Probabilities and shares are in 0..1, areas are fractions of the picture, sigmas are in pixels, JPEG qualities are those
of libjpeg (1..100). A range is drawn from uniformly, an area log-uniformly so that small forgeries are as usual as in
the test sets.
"""

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

Range = tuple[float, float]
STRICT = ConfigDict(extra="forbid", validate_default=True)


@dataclass(frozen=True, config=STRICT)
class HostRecipe:
    """The photographs, of hosts and donors alike, and what happened to them before the manipulation."""

    native_crop: float = 0.7
    """Probability that a photograph is cropped at native scale on its 8x8 JPEG grid."""
    downscale: Range = (0.5, 1.0)
    """Scale of the others (never below what the size needs)."""
    history: float = 0.5
    """Probability of one JPEG compression before the manipulation."""
    history_quality: Range = (60, 95)
    """Its quality."""
    history_420: float = 0.9
    """Probability that it halves the chroma (4:2:0), as cameras and the web nearly always do; a pasted region that was
    resampled has finer colours than a host with such a past."""
    repeated_chroma: float = 0.2
    """Probability that the editor that opened host and donor repeats halved chroma over 2 x 2 pixels; otherwise it is
    interpolated, as viewers do."""


@dataclass(frozen=True, config=STRICT)
class CameraRecipe:
    """Hosts and donors photographed again by simulated cameras (`synthesis.camera`), in every class alike."""

    share: float = 0.4
    """Probability for a host; its donors then go through a camera, too."""
    reduction: Range = (2.0, 3.0)
    """By how much the photograph is reduced before, which wipes out its own traces; less where it is too small."""
    least_reduction: float = 1.25
    """A photograph that cannot be reduced by as much as this is left as it is."""
    same_camera: float = 0.3
    """Probability that the donor is the host's camera at another ISO, exposure and sharpening; else another camera."""
    clean: float = 0.3
    """Probability of hardly any noise."""
    lens_blur: Range = (0.4, 0.9)
    """Sigma of lens and optical filter before the sensor."""
    photon_noise: Range = (2e-5, 1e-3)
    """Noise variance per light, as shares of full scale, drawn log-uniformly: ISO 100 to ISO 3200 of a small sensor."""
    exposure: Range = (0.7, 1.1)
    """Factor of the light."""
    saturation: Range = (1.0, 1.5)
    """Of the colour matrix: 1 leaves the sensor's colours as they are."""
    denoised: float = 0.5
    """Probability of blurred colours; half of it is that of bilateral smoothing."""
    sharpened: float = 0.7
    """Probability of an unsharp mask."""
    sharpening: Range = (0.1, 1.2)
    """Its amount."""
    twins: float = 0.05
    """Probability that the scene has something twice before it is photographed: alike, and no copy."""
    jpeg: float = 0.5
    """Probability that the camera compresses, with tables of its own; otherwise it stores without loss."""
    jpeg_quality: Range = (75, 98)
    """Quality to which those tables are alike."""
    jpeg_420: float = 0.6
    """Probability of halved chroma in it."""


@dataclass(frozen=True, config=STRICT)
class RegionRecipe:
    """The shapes of forged regions."""

    object_share: float = 0.5
    """Share that is shaped like an object, where an object library is given; the others are random contours."""
    bezier: float = 1.0
    """Share of the random contours that are closed Bezier curves; the others are ellipses, rectangles and polygons."""
    mirrored: float = 0.25
    """Share of the objects' silhouettes that are mirrored."""


@dataclass(frozen=True, config=STRICT)
class TransformRecipe:
    """What is done to a region before it is pasted."""

    share: float = 0.5
    """Probability of each of rotation, rescaling and, in splicing, a change of luminance."""
    rotation: float = 10.0
    """Degrees either way."""
    any_rotation: float = 0.1
    """Probability of a rotation by any angle instead."""
    scale: Range = (0.5, 4.0)
    """Factor of a rescaled region, drawn log-uniformly and redrawn to fit the area where it does not."""
    flip: float = 0.25
    """Probability of mirroring."""
    cubic: float = 0.5
    """Probability of cubic interpolation, as image editors do, which keeps the region sharp; otherwise linear."""
    deform: float = 0.1
    """Probability of a smooth bending."""
    deform_strength: Range = (0.02, 0.08)
    """How far the region is bent, as a share of its size."""
    inside: float = 0.5
    """Probability that the region lies wholly inside the picture, as most do in real forgeries; otherwise its middle is
    anywhere."""


@dataclass(frozen=True, config=STRICT)
class SplicingRecipe:
    """Regions of other photographs pasted into the host."""

    object_area: Range = (0.01, 0.5)
    """Forged fraction where the region is an object."""
    contour_area: Range = (0.15, 0.5)
    """The same where it is a random contour."""
    different_cameras: bool = True
    """Take the donor of a random contour from another camera than the host's, where both files tell theirs."""
    several_donors: float = 0.15
    """Probability of two or three donors."""
    luminance: float = 32.0
    """Change of luminance, in grey levels either way."""
    harmonised: float = 0.3
    """Probability that the region's colours and light are drawn towards those around where it will lie."""
    min_change: float = 4.0
    """Least mean absolute difference inside the mask, in grey levels."""
    transform: TransformRecipe = TransformRecipe()
    """Of the region."""


@dataclass(frozen=True, config=STRICT)
class CopyMoveRecipe:
    """A region of the host copied to another place of it."""

    area: Range = (0.005, 0.4)
    """Forged fraction, of all copies together."""
    copies: float = 0.2
    """Probability of two or three copies of the region."""
    pure_shift: float = 0.4
    """Probability that a copy is only shifted."""
    similar: float = 0.3
    """Probability that a copy is put where the picture looks most like it."""
    overlap: float = 0.3
    """Largest share of a copy that may cover its own source."""
    min_change: float = 4.0
    """Least mean absolute difference inside the mask, in grey levels."""
    transform: TransformRecipe = TransformRecipe(any_rotation=0.25, scale=(0.5, 2.0))
    """Of a copy that is not only shifted."""


@dataclass(frozen=True, config=STRICT)
class RemovalRecipe:
    """A region filled in; what the fills leave of 1 is filled by Poisson-blended patches of the same picture."""

    area: Range = (0.01, 0.3)
    """Removed fraction, after the mask's dilation."""
    min_change: float = 2.0
    """Least mean absolute difference inside the mask, in grey levels; a fill may well resemble what was there."""
    telea: float = 0.3
    """Probability of Telea's inpainting."""
    navier_stokes: float = 0.25
    """Probability of Navier-Stokes inpainting."""
    frequency: float = 0.05
    """Probability of frequency-selective reconstruction (about 0.2 s a picture of 256 x 256)."""
    shift_map: float = 0.01
    """Probability of shift-map, which looks for the best patches (about 1 s a picture)."""
    learned: float = 0.0
    """Probability of the network of `inpainter`."""
    inpainter: str | None = None
    """A TorchScript file that takes a picture (1, 3, H, W) in 0..1 and a mask (1, 1, H, W), 1 where to fill, and
    returns the filled picture, as LaMa and RFR are exported."""
    radius: tuple[int, int] = (3, 7)
    """Neighbourhood of Telea and Navier-Stokes in pixels, both ends included."""
    grain: float = 0.5
    """Probability that a smooth fill gets grain of the host's own noise level."""

    def __post_init__(self) -> None:
        """Raise ValueError for fills that cannot be drawn."""
        if self.telea + self.navier_stokes + self.frequency + self.shift_map + self.learned > 1 + 1e-9:
            raise ValueError("the probabilities of the fills add up to more than 1")
        if self.learned and self.inpainter is None:
            raise ValueError("learned fills need an inpainter, a TorchScript file")


@dataclass(frozen=True, config=STRICT)
class SeamRecipe:
    """How a pasted region meets its host; what is left of 1 is Poisson-blended."""

    hard: float = 0.5
    """Probability of a hard seam."""
    feathered: float = 0.4
    """Probability of a feathered seam."""
    feather_sigma: Range = (0.5, 2.5)
    """Blur of its alpha."""
    soft: float = 0.15
    """Share of the feathered seams that are as soft as a matte's or an airbrush's."""
    soft_sigma: Range = (0.04, 0.12)
    """Blur of such a seam's alpha, as a share of the region's side."""

    def __post_init__(self) -> None:
        """Raise ValueError for seams that cannot be drawn."""
        if self.hard + self.feathered > 1 + 1e-9:
            raise ValueError("the probabilities of the seams add up to more than 1")


@dataclass(frozen=True, config=STRICT)
class EndingRecipe:
    """What is done to the whole picture at last, in every class alike."""

    post: float = 0.1
    """Probability of each of blur, noise and resampling."""
    blur: Range = (0.3, 0.8)
    """Sigma of the blur."""
    noise: Range = (1.0, 3.0)
    """Sigma of the noise, in grey levels."""
    scale: Range = (0.8, 1.25)
    """Factor of the resampling (there and back)."""
    jpeg: float = 0.75
    """Probability that the picture is JPEG compressed; otherwise it is lossless."""
    quality: Range = (60, 100)
    """Quality of that compression."""
    halved_chroma: float = 0.5
    """Probability of 4:2:0 chroma subsampling; otherwise 4:4:4."""
    finer: float = 0.5
    """Probability that the quality is drawn from that of the host's past upwards, as editors save, which leaves the
    traces of the first compression."""


@dataclass(frozen=True, config=STRICT)
class LastMileRecipe:
    """What networks, screenshots and telephones do to whole pictures on their way, in every class alike."""

    share: float = 0.3
    """Probability of such a way."""
    screenshot: float = 0.2
    """Share of these that are screenshots."""
    phone: float = 0.2
    """Share of these that a telephone denoised and sharpened; the rest went through messengers and networks."""
    reduction: Range = (0.4, 1.0)
    """Factor by which a network reduces a picture."""
    unreduced: float = 0.3
    """Share of the pictures that are small enough for the network to leave them at their size."""
    quality: Range = (60, 88)
    """JPEG quality of networks; chroma is halved."""
    twice: float = 0.33
    """Probability that a network's picture is compressed so twice."""
    sharpened: float = 0.3
    """Probability that a network sharpens what it reduced."""
    zoom: Range = (0.6, 1.4)
    """Factor of a screenshot."""
    screenshot_lossless: float = 0.5
    """Probability that a screenshot is not compressed."""
