"""The sections of `SynthesisRecipe`: all probabilities and ranges of the synthesis, with their meanings.

Probabilities and shares are in 0..1, areas are fractions of the picture, sigmas are in pixels, JPEG qualities are those
of libjpeg (1..100). Values are drawn uniformly from a range; areas log-uniformly, so that small forgeries are as common
as in the test sets.
"""

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

Range = tuple[float, float]
STRICT = ConfigDict(extra="forbid", validate_default=True)


@dataclass(frozen=True, config=STRICT)
class HostRecipe:
    """Hosts and donors, and what happened to them before the manipulation."""

    native_crop: float = 0.7
    """Probability that a photograph is cropped at native scale on its 8x8 JPEG grid."""
    downscale: Range = (0.5, 1.0)
    """Scale of the others; never smaller than the size needs."""
    history: float = 0.5
    """Probability of one JPEG compression before the manipulation."""
    history_quality: Range = (60, 95)
    """Its quality."""
    history_420: float = 0.9
    """Probability that it halves the chroma (4:2:0), as cameras and the web nearly always do. A pasted region that was
    resampled has finer colours than such a host."""
    repeated_chroma: float = 0.2
    """Probability that the editor decodes halved chroma of host and donor by repeating it over 2 x 2 pixels; otherwise
    by interpolation, as viewers do."""


@dataclass(frozen=True, config=STRICT)
class CameraRecipe:
    """Simulated cameras that photograph hosts and donors again (`synthesis.camera`), for every class."""

    share: float = 0.4
    """Probability that a host is photographed again; its donors then are, too."""
    reduction: Range = (2.0, 3.0)
    """Factor by which the photograph is reduced first, which removes its own traces; less if it is too small."""
    least_reduction: float = 1.25
    """A photograph that cannot be reduced by this factor is not photographed again."""
    same_camera: float = 0.3
    """Probability that the donor has the host's camera with another ISO, exposure and sharpening; otherwise another
    camera."""
    clean: float = 0.3
    """Probability of very little noise."""
    lens_blur: Range = (0.4, 0.9)
    """Sigma of lens and optical filter before the sensor."""
    photon_noise: Range = (2e-5, 1e-3)
    """Noise variance per unit of light, as shares of full scale, drawn log-uniformly: ISO 100 to 3200 of a small
    sensor."""
    exposure: Range = (0.7, 1.1)
    """The light is multiplied by it."""
    saturation: Range = (1.0, 1.5)
    """Of the colour matrix; 1 keeps the sensor's colours."""
    denoised: float = 0.5
    """Probability of blurred colours; that of bilateral smoothing is half of it."""
    sharpened: float = 0.7
    """Probability of an unsharp mask."""
    sharpening: Range = (0.1, 1.2)
    """Its amount."""
    twins: float = 0.05
    """Probability that the scene has two similar things before it is photographed, which is not a copy-move."""
    jpeg: float = 0.5
    """Probability of JPEG compression with the camera's own tables; otherwise lossless."""
    jpeg_quality: Range = (75, 98)
    """Quality of the standard tables that are closest to these."""
    jpeg_420: float = 0.6
    """Probability of halved chroma."""


@dataclass(frozen=True, config=STRICT)
class RegionRecipe:
    """The shapes of forged regions."""

    object_share: float = 0.5
    """Share with the shape of an object, if there is an object library; the others are random contours."""
    bezier: float = 1.0
    """Share of the random contours that are closed Bezier curves; the others are ellipses, rectangles and polygons."""
    mirrored: float = 0.25
    """Share of the objects' silhouettes that are mirrored."""


@dataclass(frozen=True, config=STRICT)
class TransformRecipe:
    """Transformations of a region before it is pasted."""

    share: float = 0.5
    """Probability of rotation, of rescaling and, in splicing, of a change of luminance."""
    rotation: float = 10.0
    """Largest rotation, in degrees."""
    any_rotation: float = 0.1
    """Probability of a rotation by any angle instead."""
    scale: Range = (0.5, 4.0)
    """Factor of a rescaled region, drawn log-uniformly; drawn again from the areas that fit if it does not."""
    flip: float = 0.25
    """Probability of mirroring."""
    cubic: float = 0.5
    """Probability of cubic interpolation, which image editors use and which keeps the region sharp; otherwise
    linear."""
    deform: float = 0.1
    """Probability of a smooth deformation."""
    deform_strength: Range = (0.02, 0.08)
    """Largest displacement of the deformation, as a share of the region's size."""
    inside: float = 0.5
    """Probability that the region is completely inside the picture, as most are in real forgeries; otherwise its centre
    is anywhere in the picture."""


@dataclass(frozen=True, config=STRICT)
class SplicingRecipe:
    """Regions of other photographs pasted into the host."""

    object_area: Range = (0.01, 0.5)
    """Forged fraction if the region is an object."""
    contour_area: Range = (0.15, 0.5)
    """Forged fraction if the region is a random contour."""
    different_cameras: bool = True
    """Take the donor of a random contour from another camera than the host's, if both cameras are known."""
    several_donors: float = 0.15
    """Probability of two or three donors."""
    luminance: float = 32.0
    """Largest change of luminance, in grey levels."""
    harmonised: float = 0.3
    """Probability that colours and brightness of the region are adapted to its new surroundings."""
    min_change: float = 4.0
    """Least mean absolute difference inside the mask, in grey levels."""
    transform: TransformRecipe = TransformRecipe()
    """Of the region."""


@dataclass(frozen=True, config=STRICT)
class CopyMoveRecipe:
    """A region of the host copied to another place in it."""

    area: Range = (0.005, 0.4)
    """Forged fraction of all copies together."""
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
    """A region filled in. The probability that remains is that of Poisson-blended patches of the same picture."""

    area: Range = (0.01, 0.3)
    """Removed fraction, after the mask's dilation."""
    min_change: float = 2.0
    """Least mean absolute difference inside the mask, in grey levels; a fill often resembles what was there."""
    telea: float = 0.3
    """Probability of Telea's inpainting."""
    navier_stokes: float = 0.25
    """Probability of Navier-Stokes inpainting."""
    frequency: float = 0.05
    """Probability of frequency-selective reconstruction (about 0.2 s for 256 x 256 pixels)."""
    shift_map: float = 0.01
    """Probability of shift-map, which searches for the best patches (about 1 s for 256 x 256 pixels)."""
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
        """Raise ValueError for impossible probabilities of fills."""
        if self.telea + self.navier_stokes + self.frequency + self.shift_map + self.learned > 1 + 1e-9:
            raise ValueError("the probabilities of the fills add up to more than 1")
        if self.learned and self.inpainter is None:
            raise ValueError("learned fills need an inpainter, a TorchScript file")


@dataclass(frozen=True, config=STRICT)
class SeamRecipe:
    """The seam of a pasted region. The probability that remains is that of Poisson blending."""

    hard: float = 0.5
    """Probability of a hard seam."""
    feathered: float = 0.4
    """Probability of a feathered seam."""
    feather_sigma: Range = (0.5, 2.5)
    """Blur of its alpha."""
    soft: float = 0.15
    """Share of the feathered seams that are very soft, as with an airbrush."""
    soft_sigma: Range = (0.04, 0.12)
    """Blur of such a seam's alpha, as a share of the region's side."""

    def __post_init__(self) -> None:
        """Raise ValueError for impossible probabilities of seams."""
        if self.hard + self.feathered > 1 + 1e-9:
            raise ValueError("the probabilities of the seams add up to more than 1")


@dataclass(frozen=True, config=STRICT)
class EndingRecipe:
    """Processing of the whole picture at the end, for every class."""

    post: float = 0.1
    """Probability of blur, of noise and of resampling."""
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
    """Probability that the quality is at least that of the host's compression, as editors save; this keeps the traces
    of the first compression."""


@dataclass(frozen=True, config=STRICT)
class LastMileRecipe:
    """What social networks, screenshots and phones do to finished pictures, for every class."""

    share: float = 0.3
    """Probability of one of these."""
    screenshot: float = 0.2
    """Share of these that are screenshots."""
    phone: float = 0.2
    """Share of these that a phone denoised and sharpened; the rest went through messengers and social networks."""
    reduction: Range = (0.4, 1.0)
    """Factor by which a network reduces a picture."""
    unreduced: float = 0.3
    """Share of the pictures that a network does not reduce, since they are small."""
    quality: Range = (60, 88)
    """JPEG quality of networks; chroma is halved."""
    twice: float = 0.33
    """Probability that a network compresses a picture twice."""
    sharpened: float = 0.3
    """Probability that a network sharpens a reduced picture."""
    zoom: Range = (0.6, 1.4)
    """Factor of a screenshot."""
    screenshot_lossless: float = 0.5
    """Probability that a screenshot is not compressed."""
