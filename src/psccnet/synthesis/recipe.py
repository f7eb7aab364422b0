"""What the synthesis draws from: every probability and range in one place."""

from dataclasses import dataclass

Range = tuple[float, float]


@dataclass(frozen=True)
class SynthesisRecipe:
    """Probabilities and ranges of the synthetic data set (paper, section III-D).

    Probabilities are in 0..1, areas are fractions of the picture, sigmas are in pixels unless said otherwise,
    JPEG qualities are those of libjpeg (1..100). A range is drawn from uniformly, an area log-uniformly so
    that small forgeries are as usual as in the test sets.

    Attributes:
        size: side of the square pictures in pixels; the paper trains on 256.
        native_crop: probability that the host is cropped at native scale on its 8x8 JPEG grid.
        downscale: scale of the other hosts (never below what `size` needs).
        history: probability of one JPEG compression before the manipulation, for hosts and donors alike.
        history_quality: JPEG quality of that compression.
        object_share: share of forged regions shaped like an object, where an object library is given;
            the others are random contours.
        splice_area: forged fraction of a spliced picture.
        copy_area: forged fraction of a copy-move picture.
        removal_area: removed fraction, after the mask's dilation.
        transform: probability of each of rotation, luminance change and rescaling of a pasted region.
        rotation: degrees either way.
        any_rotation: probability of a rotation by any angle instead.
        luminance: grey levels either way.
        scale: factor of a rescaled region, drawn log-uniformly and redrawn to fit the area where it does not.
        flip: probability of mirroring a pasted region.
        inside: probability that a pasted region lies wholly inside the picture, as most do in real forgeries;
            otherwise its middle is anywhere.
        pure_shift: probability that a copied region is only shifted.
        copy_overlap: largest share of a copied region that may cover its own source.
        hard_seam: probability of a hard seam.
        feathered_seam: probability of a feathered seam; the rest are Poisson seams.
        feather_sigma: blur of the alpha of a feathered seam.
        min_change: least mean absolute difference inside the mask, in grey levels, of a splice or a copy.
        removal_min_change: the same for a removal, whose fill may well resemble what was there.
        telea: probability of filling by Telea's inpainting.
        navier_stokes: probability of filling by Navier-Stokes inpainting; the rest are
            filled by Poisson-blended patches of the same picture.
        inpaint_radius: neighbourhood of Telea and Navier-Stokes (both ends included).
        grain: probability that a smooth fill gets grain of the host's own noise level.
        post: probability of each of blur, noise and resampling of the whole picture, in every class.
        post_blur: sigma of that blur.
        post_noise: sigma of that noise, in grey levels.
        post_scale: factor of that resampling (there and back).
        final_jpeg: probability that the picture is at last JPEG compressed; otherwise it is lossless.
        final_quality: JPEG quality of that compression.
        final_420: probability of 4:2:0 chroma subsampling; otherwise 4:4:4.
    """

    size: int = 256
    native_crop: float = 0.7
    downscale: Range = (0.5, 1.0)
    history: float = 0.5
    history_quality: Range = (60, 95)
    object_share: float = 0.5
    splice_area: Range = (0.01, 0.5)
    copy_area: Range = (0.01, 0.3)
    removal_area: Range = (0.01, 0.3)
    transform: float = 0.5
    rotation: float = 10.0
    any_rotation: float = 0.1
    luminance: float = 32.0
    scale: Range = (0.5, 4.0)
    flip: float = 0.25
    inside: float = 0.5
    pure_shift: float = 0.4
    copy_overlap: float = 0.3
    hard_seam: float = 0.5
    feathered_seam: float = 0.4
    feather_sigma: Range = (0.5, 2.5)
    min_change: float = 4.0
    removal_min_change: float = 2.0
    telea: float = 0.3
    navier_stokes: float = 0.25
    inpaint_radius: tuple[int, int] = (3, 7)
    grain: float = 0.5
    post: float = 0.1
    post_blur: Range = (0.3, 0.8)
    post_noise: Range = (1.0, 3.0)
    post_scale: Range = (0.8, 1.25)
    final_jpeg: float = 0.9
    final_quality: Range = (60, 100)
    final_420: float = 0.5

    def __post_init__(self) -> None:
        """Raise ValueError for a recipe that cannot be followed."""
        if self.size < 32:
            raise ValueError(f"size must be at least 32 pixels, not {self.size}")
        if self.hard_seam + self.feathered_seam > 1 or self.telea + self.navier_stokes > 1:
            raise ValueError("the probabilities of the seams, or of the fills, add up to more than 1")
        for name in ("splice_area", "copy_area", "removal_area"):
            low, high = getattr(self, name)
            if not 0 < low < high <= 0.7:
                raise ValueError(f"{name} must be a rising range within 0..0.7, not {(low, high)}")
