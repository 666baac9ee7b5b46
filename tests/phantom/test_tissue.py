import numpy as np
import pytest

from omentum.phantom.filling import FILLINGS
from omentum.phantom.label_names import _patterns
from omentum.phantom.tissue import PHASES, SURROUNDED_BY, TISSUES, Appearance, draw_hu, tissue_index

NAMES = [tissue.name for tissue in TISSUES]


def draws(appearance, n=400, seed=0):
    rng = np.random.default_rng(seed)
    return np.array([draw_hu(rng, appearance) for _ in range(n)])


def test_the_table_is_complete_and_fits_a_byte():
    assert len(set(NAMES)) == len(NAMES) <= 256
    for tissue in TISSUES:
        assert set(tissue.hu) == set(PHASES)
        assert tissue.host is None or tissue.host in NAMES
        assert all(-1024 <= mean <= 3071 and sd >= 0 for mean, sd in tissue.hu.values())


def test_every_material_of_the_label_names_exists():
    special = {"femur_right", "femur_left"}  # split into head and shaft when a label map is prepared
    for part in _patterns().values():
        assert part.material in FILLINGS or part.material in NAMES or part.material in special


def test_index_is_the_position():
    assert TISSUES[tissue_index("liver")].name == "liver"
    with pytest.raises(KeyError):
        tissue_index("ectoplasm")


@pytest.mark.parametrize("phase", PHASES)
def test_means_and_spread_are_the_tables(phase):
    found = draws(Appearance(phase))
    for name in ("muscle", "spleen", "kidney_cortex", "aorta", "trabecular_bone", "visceral_fat"):
        mean, sd = TISSUES[tissue_index(name)].hu[phase]
        # the dose of contrast adds to the spread, and half a SD is far more than 400 draws can miss by
        assert abs(found[:, tissue_index(name)].mean() - mean) < 0.5 * sd
        assert 0.7 * sd < found[:, tissue_index(name)].std() < 2.0 * sd


def test_kindred_tissues_and_lesions_follow_each_other():
    found = draws(Appearance("pv"))
    corr = np.corrcoef(found.T)
    assert corr[tissue_index("aorta"), tissue_index("artery")] > 0.6
    assert corr[tissue_index("liver"), tissue_index("liver_metastasis")] > 0.3
    assert abs(corr[tissue_index("liver"), tissue_index("visceral_fat")]) < 0.2


def test_iodine_scales_the_enhancement_only():
    plain, strong = draws(Appearance("art")), draws(Appearance("art", iodine=1.6))
    aorta, fat = tissue_index("aorta"), tissue_index("subcutaneous_fat")
    assert strong[:, aorta].mean() - 40 == pytest.approx(1.6 * (plain[:, aorta].mean() - 40), rel=0.1)
    assert strong[:, fat].mean() == pytest.approx(plain[:, fat].mean(), abs=2)


def test_wild_draws_keep_the_order_of_air_lung_fat_and_bone_but_not_of_organs():
    found = draws(Appearance("pv", wild=True))
    air, lung, fat, bone = (found[:, tissue_index(n)] for n in ("air", "lung", "visceral_fat", "cortical_bone"))
    assert (air < lung + 60).all()
    assert (lung < fat).all()
    assert (fat < bone).all()
    liver, spleen = found[:, tissue_index("liver")], found[:, tissue_index("spleen")]
    assert 0.3 < (liver > spleen).mean() < 0.7
    assert liver.std() > 3 * draws(Appearance("pv"))[:, tissue_index("liver")].std()


@pytest.mark.parametrize("phase", PHASES)
def test_lesions_can_be_set_apart_from_their_hosts(phase):
    hu, apart = draws(Appearance(phase)), draws(Appearance(phase, lesion_contrast_hu=12.0))
    lesions = [k for k, tissue in enumerate(TISSUES) if tissue.family == "lesion"]
    others = [k for k in range(len(TISSUES)) if k not in lesions]
    assert np.array_equal(hu[:, others], apart[:, others])
    for k in lesions:
        host = tissue_index(SURROUNDED_BY.get(TISSUES[k].host, TISSUES[k].host))
        kin = [n for n, tissue in enumerate(TISSUES) if tissue.kin == TISSUES[host].kin]
        assert (np.abs(apart[:, [k]] - apart[:, kin]) > 11.9).all()
        far = (np.abs(hu[:, [k]] - hu[:, kin]) > 12.1).all(axis=1)
        assert np.array_equal(hu[far, k], apart[far, k])
