//! The header of NRRD, version 4.

use crate::pixels::{Image, Scalar};
use isochrone_volume::DVec3;

/// The header's text with the blank line that ends it; `keys` are lines `key:=value`. Rust prints the shortest decimal that reads
/// back as the same double, so the geometry survives bit for bit.
pub(crate) fn header<T: Scalar>(image: &Image<'_, T>, keys: &[String]) -> String {
    let keys: String = keys.iter().map(|line| format!("{line}\n")).collect();
    let [i, j, k] = image.grid.size();
    let world = image.grid.world_from_voxel();
    let m = world.matrix3;
    let vector = |v: DVec3| format!("({},{},{})", v.x, v.y, v.z);
    format!(
        "NRRD0004\ntype: {}\ndimension: 3\nspace: left-posterior-superior\nsizes: {i} {j} {k}\n\
         space directions: {} {} {}\nkinds: domain domain domain\nendian: little\nencoding: gzip\n\
         space origin: {}\n{keys}\n",
        T::NRRD_TYPE,
        vector(m.x_axis),
        vector(m.y_axis),
        vector(m.z_axis),
        vector(world.translation)
    )
}
