//! Two lesions 500 mm apart under one label of a whole body.

use crate::network::with_network;
use crate::support::{Reader, Server, ct};
use isochrone_volume::{DAffine3, DVec3, Grid, Mask, Volume};

const HEAD: DVec3 = DVec3::new(10.0, -20.0, 650.0);
const HIP: DVec3 = DVec3::new(-60.0, 30.0, 155.0);

fn body() -> Volume {
    let affine = DAffine3::from_scale_rotation_translation(
        DVec3::new(4.0, 4.0, 4.0),
        Default::default(),
        DVec3::new(-254.0, -254.0, 0.0),
    );
    let grid = Grid::new([128, 128, 200], affine).unwrap();
    ct(&grid, |p| match p {
        _ if p.distance(HEAD) < 14.0 || p.distance(HIP) < 14.0 => 150.0,
        _ if DVec3::new(p.x, p.y, 0.0).length() < 200.0 => 20.0,
        _ => -900.0,
    })
}

async fn play(server: &mut Server, engine: &str) {
    let volume = server.load("body.nii.gz", &body()).await;
    let session = server.open(&volume, engine).await.unwrap();
    let label = server.add_label(&session, "lesions").await;
    let mut reader =
        Reader { session, label, mask: Mask::empty(body().grid().clone()), segmentation: server.segmentation.clone() };
    let first = reader.click(HEAD, true).await.unwrap();
    let alone = reader.mask.clone();
    assert!(alone.count() > 20, "{engine}: {} voxels", alone.count());
    let second = reader.click(HIP, true).await.unwrap();
    assert!(reader.mask.contains(body().grid().voxel_at(HIP).unwrap()));
    for (k, (before, after)) in alone.voxels().outer_iter().zip(reader.mask.voxels().outer_iter()).enumerate() {
        if k >= 100 {
            assert_eq!(before, after, "{engine}: slice {k} of the first lesion changed");
        }
    }
    // No coarser than a first look (three quarters of a voxel) or the first lesion's: the region holds one lesion, not both.
    let (first_mm, second_mm) = (first.working_spacing_mm, second.working_spacing_mm);
    assert!(second_mm < 1.15 * first_mm.max(3.0), "{engine}: {first_mm} and {second_mm}");
    println!(
        "{engine}: first click {:.0} ms, second {:.0} ms at {} mm",
        first.elapsed_ms, second.elapsed_ms, second.working_spacing_mm
    );
    assert!(reader.replays().await);
}

#[tokio::test]
async fn with_the_geodesic_engine() {
    let mut server = Server::start().await;
    play(&mut server, "geodesic").await;
}

#[tokio::test]
async fn with_the_network() {
    if let Some(mut server) = with_network().await {
        play(&mut server, "network").await;
    }
}
