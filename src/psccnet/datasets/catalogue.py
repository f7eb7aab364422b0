"""The catalogue of data sets: their names, numbers of pictures, layouts and loaders."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from psccnet.datasets.camera_sets import find_cameras
from psccnet.datasets.casia import find_casia1, find_casia2, find_casia_d
from psccnet.datasets.coco import find_coco
from psccnet.datasets.columbia import find_columbia
from psccnet.datasets.coverage import find_coverage, split_of_coverage
from psccnet.datasets.entry import Entry, Found
from psccnet.datasets.folders import find_folders
from psccnet.datasets.imd2020 import find_imd2020
from psccnet.datasets.imdlbenco import find_json, find_mani
from psccnet.datasets.listing import read_listing
from psccnet.datasets.nist16 import find_nist16, split_of_nist16
from psccnet.datasets.released_set import find_released
from psccnet.datasets.uscisi import find_uscisi
from psccnet.errors import InputError, MissingFileError
from psccnet.extensions import find_extension
from psccnet.pictures.masks import MaskRule
from psccnet.pictures.whole_files import reading


@dataclass(frozen=True)
class DataSet:
    """A data set, or a format for users' own data sets.

    Attributes:
        name: in commands and recipes.
        title: in papers.
        use: what the paper uses it for.
        find: its loader.
        layout: its folders and files after the download.
        forged: number of forged pictures of the complete set; None if it is not fixed.
        pristine: number of pristine pictures of the complete set; None if it is not fixed.
        parts: what must be there: globs, each with its description.
        split: of an entry, "train" or "test", for fine-tuning (Table I); None if the paper has no split.
        own: whether it is a format for users' own masks; `find` then also takes a mask rule.
    """

    name: str
    title: str
    use: Literal["test", "training"]
    find: Callable[..., Found]
    layout: str
    forged: int | None = None
    pristine: int | None = None
    parts: dict[str, str] = field(default_factory=dict)
    split: Callable[[Entry], str] | None = None
    own: bool = False


def find_listing(root: Path, rule: MaskRule = "white") -> Found:
    """Find the pictures of a CSV with the columns image, mask and manipulation, or of index.csv in a folder."""
    return Found(read_listing(root, rule=rule))


_ALL = (
    DataSet(
        "columbia",
        "Columbia Uncompressed Image Splicing",
        "test",
        find_columbia,
        "4cam_splc/*.tif, 4cam_splc/edgemask/*_edgemask.jpg, 4cam_auth/*.tif",
        180,
        183,
        {"4cam_splc/*.tif": "spliced pictures", "edgemask/*_edgemask.jpg": "masks", "4cam_auth/*.tif": "originals"},
    ),
    DataSet(
        "coverage",
        "COVERAGE",
        "test",
        find_coverage,
        "image/1t.tif (forged), image/1.tif, mask/1forged.tif",
        100,
        100,
        {"image/*t.tif": "forged pictures", "mask/*forged.tif": "masks"},
        split_of_coverage,
    ),
    DataSet(
        "casia1",
        "CASIA v1.0",
        "test",
        find_casia1,
        "Sp_D_*.jpg, Sp_S_*.jpg, Au_*.jpg and *_gt.png in any folders",
        921,
        800,
        {
            "Sp_D_*.*": "spliced pictures (Sp)",
            "Sp_S_*.*": "copy-moved pictures (CM)",
            "Au_*.*": "authentic pictures (Au)",
            "Sp_*_gt.png": "masks (a download of its own, CASIA 1.0 groundtruth)",
        },
        lambda _: "test",
    ),
    DataSet(
        "casia2",
        "CASIA v2.0",
        "training",
        find_casia2,
        "Tp_D_*, Tp_S_*, Au_* and *_gt.png in any folders",
        5123,
        7491,
        {
            "Tp_D_*.*": "spliced pictures (Tp_D)",
            "Tp_S_*.*": "copy-moved pictures (Tp_S)",
            "Au_*.*": "authentic pictures (Au)",
            "Tp_*_gt.png": "masks (a download of its own, CASIA 2 Groundtruth)",
        },
        lambda _: "train",
    ),
    DataSet(
        "casia-d",
        "CASIA-D (Section IV-A.1)",
        "test",
        find_casia_d,
        "authentic.txt and fake.txt of the released code beside CASIA v1.0 and v2.0",
        921,
        None,  # 921 lines with repetitions
        {"authentic.txt": "list of pristine pictures", "fake.txt": "list of forged pictures"},
    ),
    DataSet(
        "nist16",
        "NIST Nimble 2016",
        "test",
        find_nist16,
        "probe/, reference/manipulation/NC2016-manipulation-ref.csv, reference/manipulation/mask/",
        564,
        560,
        {"probe/*.*": "probes", "mask/*.png": "masks"},
        split_of_nist16,
    ),
    DataSet(
        "imd2020",
        "IMD2020, real-life manipulated images",
        "test",
        find_imd2020,
        "FOLDER/NAME_orig.jpg, FOLDER/NAME_0.jpg, FOLDER/NAME_0_mask.png",
        2010,
        414,
        {"*_mask.png": "masks", "*_orig.*": "originals"},
    ),
    DataSet(
        "released",
        "training set of the released code",
        "training",
        find_released,
        "authentic/authentic.txt, {splice,splice_randmask,copymove,inpainting}/{fake.txt,fake/,mask/}",
        294829,
        81910,
        {
            "authentic/*.*": "pristine pictures",
            "splice/*fake/*": "spliced pictures",
            "splice_randmask/*fake/*": "pictures spliced by random masks",
            "copymove/*fake/*": "copy-moved pictures",
        },
    ),
    DataSet("uscisi", "USCISI-CMFD", "training", find_uscisi, "data.mdb, samples.keys", 100_000, None),
    DataSet(
        "coco",
        "MS COCO",
        "training",
        find_coco,
        "train2017/*.jpg, annotations/instances_train2017.json",
        None,
        None,
    ),
    DataSet(
        "cameras",
        "KCMI, VISION, Dresden",
        "training",
        find_cameras,
        "train/HTC-1-M7/(HTC-1-M7)1.jpg; D01_Samsung_GalaxyS3Mini/images/nat/*.jpg; Canon_Ixus70_0_2367.JPG",
    ),
    DataSet("mani", "IMDL-BenCo's ManiDataset", "training", find_mani, "Tp/, Gt/ and optionally Au/", own=True),
    DataSet(
        "json",
        "IMDL-BenCo's JSON lists",
        "training",
        find_json,
        '[["a.jpg", "a_mask.png"], ["b.jpg", "Negative"]]',
        own=True,
    ),
    DataSet(
        "folders",
        "plain folders",
        "training",
        find_folders,
        "images/, masks/ and optionally pristine/; or only pictures (pristine)",
        own=True,
    ),
    DataSet(
        "listing",
        "a CSV list",
        "training",
        find_listing,
        "index.csv with the columns image, mask, manipulation",
        own=True,
    ),
)
CATALOGUE = {known.name: known for known in _ALL}
"""All data sets by name: first those of Table I in its order, then those for training."""


def has_split(name: str) -> bool:
    """Whether there is a data set of that name with a split for fine-tuning (Table I).

    Examples:
        >>> has_split("coverage"), has_split("imd2020")
        (True, False)
    """
    return name in CATALOGUE and CATALOGUE[name].split is not None


def data_set(name: str) -> tuple[DataSet, MaskRule | None]:
    """Find a data set by name.

    Args:
        name: a name of the catalogue, such as "folders", or with a mask rule, such as "folders:black"; an entry point
            of the group `psccnet.datasets`; or the import path of a user's loader, package.module:loader, which is a
            function from a folder to its entries.

    Returns:
        The data set, and the mask rule if the name has one.

    Raises:
        InputError: if there is no such data set or rule, or the data set does not take a rule.

    Examples:
        >>> chosen, rule = data_set("casia1")
        >>> chosen.name, rule
        ('casia1', None)
    """
    known, colon, rule_name = name.partition(":")
    if known not in CATALOGUE:
        loader = find_extension(name, "psccnet.datasets")
        if loader is None:
            raise InputError(
                f"There is no data set {known!r}; known are {', '.join(CATALOGUE)}, and package.module:loader for one"
                " of your own (docs/extending.md)."
            )
        return DataSet(name, name, "test", _checked(loader, name), "as its loader reads it"), None
    rules: dict[str, MaskRule] = {rule: rule for rule in get_args(MaskRule)}
    if colon and (rule_name not in rules or not CATALOGUE[known].own):
        with_rules = ", ".join(entry.name for entry in CATALOGUE.values() if entry.own)
        raise InputError(f"{name}: a mask rule is one of {', '.join(rules)}, and works with {with_rules}.")
    return CATALOGUE[known], rules[rule_name] if colon else None


def _checked(loader: object, name: str) -> Callable[[Path], Found]:
    """Wrap a user's loader so that its result is checked."""
    if not callable(loader):
        raise InputError(f"{name}: not a function; a loader takes a folder and returns entries (docs/extending.md).")

    def load(root: Path) -> Found:
        result = loader(root)
        if isinstance(result, Found):
            return result
        entries = list(result)
        wrong = [item for item in entries if not isinstance(item, Entry)]
        if wrong:
            raise InputError(
                f"{name}: returned {wrong[0]!r} among its pictures; make each a psccnet.datasets.entry.Entry."
            )
        return Found(entries)

    return load


def find(name: str, root: Path, split: str | None = None) -> Found:
    """Find the pictures of a data set in a folder.

    Args:
        name: see `data_set`.
        root: the folder that the set was unpacked in; for "json" and "listing" it may also be the file.
        split: keep only "train" or "test" of the split for fine-tuning (Table I); NIST16's test part has forged
            pictures only.

    Raises:
        InputError: if the name is unknown, the set has no such split, or the files have another form.
        MissingFileError: if there is no such folder.
    """
    chosen, rule = data_set(name)
    if not root.exists():
        raise MissingFileError(f"{root}: there is no such folder; give the one that {name} was unpacked in.")
    with reading(root):
        found = chosen.find(root) if rule is None else chosen.find(root, rule)
    if split is not None:
        split_of = chosen.split
        if split_of is None or split not in ("train", "test"):
            raise InputError(f"{name} has no split {split!r}; coverage and nist16 have train and test.")
        found.entries = [entry for entry in found.entries if split_of(entry) == split]
    return found
