//! Faults of a device, injected by an engine that fails on order.

use isochrone_segment::{
    Cancel, Candidate, Channel, EngineDescription, FallbackEngine, Prepared, RegionPolicy, SegmentError, Segmenter,
    Task,
};
use isochrone_volume::{DAffine3, Grid, Mask, Modality, Quantity, Rescale, Volume, VolumeOrigin, VoxelBox, Voxels};
use ndarray::Array3;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// Answers with a constant; the next `faults` passes fail, and all on more than `room` voxels.
struct Faulty {
    device: &'static str,
    value: f32,
    room: AtomicUsize,
    faults: AtomicUsize,
    passes: AtomicUsize,
}

impl Faulty {
    fn new(device: &'static str, value: f32) -> Arc<Self> {
        Arc::new(Self {
            device,
            value,
            room: AtomicUsize::new(usize::MAX),
            faults: AtomicUsize::new(0),
            passes: AtomicUsize::new(0),
        })
    }
}

impl Segmenter for Faulty {
    fn describe(&self) -> EngineDescription {
        EngineDescription {
            name: "network".to_owned(),
            model: "stub 1.0.0".to_owned(),
            model_digest: "00".to_owned(),
            device: self.device.to_owned(),
            samples: false,
            region: RegionPolicy::default(),
        }
    }

    fn prepare(&self, channels: &[Channel]) -> Result<Arc<Prepared>, SegmentError> {
        Ok(Arc::new(Prepared { channels: channels.to_vec(), cache: Box::new(self.device) }))
    }

    fn segment(&self, prepared: &Prepared, task: &Task<'_>, cancel: &Cancel) -> Result<Vec<Candidate>, SegmentError> {
        cancel.check()?;
        assert_eq!(prepared.cache.downcast_ref::<&str>(), Some(&self.device), "each engine gets its own");
        self.passes.fetch_add(1, SeqCst);
        if self.faults.load(SeqCst) > 0 {
            self.faults.fetch_sub(1, SeqCst);
            return Err(SegmentError::Network("out of memory".to_owned()));
        }
        if task.region.voxel_count() > self.room.load(SeqCst) {
            return Err(SegmentError::Network("out of memory".to_owned()));
        }
        let probability = Array3::from_elem(task.region.shape(), self.value);
        Ok(vec![Candidate { probability, threshold: 0.5, score: 1.0 }])
    }
}

fn volume() -> Arc<Volume> {
    let grid = Grid::new([4, 4, 4], DAffine3::IDENTITY).unwrap();
    let origin = VolumeOrigin {
        modality: Modality::Ct,
        quantity: Quantity::Hounsfield,
        inferred: false,
        frame_of_reference: None,
        warnings: vec![],
    };
    Arc::new(Volume::new(grid, Voxels::U8(Array3::zeros((4, 4, 4))), Rescale::IDENTITY, origin).unwrap())
}

/// The constant that came back.
fn click(engine: &FallbackEngine, prepared: &Prepared, cancel: &Cancel) -> Result<f32, SegmentError> {
    let volume = volume();
    let previous = Mask::empty(volume.grid().clone());
    let task = Task {
        prompts: &[],
        previous: &previous,
        previous_box: VoxelBox { min: [0; 3], max: [0; 3] },
        other_labels: &[],
        region: volume.grid(),
    };
    let found = engine.segment(prepared, &task, cancel)?;
    assert_eq!(found[0].probability.dim(), (4, 4, 4));
    Ok(found[0].probability[[0, 0, 0]])
}

#[test]
fn a_device_that_fails_is_replaced() {
    let (gpu, cpu) = (Faulty::new("cuda:0", 0.25), Faulty::new("cpu (2 threads)", 0.75));
    let opened = Arc::new(AtomicUsize::new(0));
    let (spare, count) = (cpu.clone(), opened.clone());
    let engine = FallbackEngine::new(gpu.clone(), move || {
        count.fetch_add(1, SeqCst);
        Ok(spare.clone() as Arc<dyn Segmenter>)
    });
    let prepared = engine.prepare(&[Channel { volume: volume() }]).unwrap();
    let go = Cancel::new();
    assert_eq!(click(&engine, &prepared, &go).unwrap(), 0.25);
    assert_eq!((engine.describe().device.as_str(), opened.load(SeqCst)), ("cuda:0", 0));
    // Short of memory for a moment: once more, on the device.
    gpu.faults.store(1, SeqCst);
    assert_eq!(click(&engine, &prepared, &go).unwrap(), 0.25);
    assert_eq!(opened.load(SeqCst), 0);
    // Gone: the click is answered all the same, and the answer says where from.
    gpu.faults.store(usize::MAX, SeqCst);
    assert_eq!(click(&engine, &prepared, &go).unwrap(), 0.75);
    let device = engine.describe().device;
    assert!(device.contains("cpu") && device.contains("cuda:0 failed"), "{device}");
    // It is left alone for a while, and the other stays open.
    let before = gpu.passes.load(SeqCst);
    for _ in 0..5 {
        assert_eq!(click(&engine, &prepared, &go).unwrap(), 0.75);
    }
    assert_eq!((gpu.passes.load(SeqCst), opened.load(SeqCst)), (before, 1));
    // Cancelled work is no fault of the device.
    let stop = Cancel::new();
    stop.cancel();
    assert!(matches!(click(&engine, &prepared, &stop), Err(SegmentError::Cancelled)));
    // The other fails too: an error, and the next click is tried again.
    cpu.faults.store(1, SeqCst);
    assert!(matches!(click(&engine, &prepared, &go), Err(SegmentError::Network(_))));
    assert_eq!(click(&engine, &prepared, &go).unwrap(), 0.75);
}

#[test]
fn short_of_memory_it_works_half_as_fine() {
    let gpu = Faulty::new("cuda:0", 0.25);
    gpu.room.store(8, SeqCst);
    let engine = FallbackEngine::new(gpu.clone(), || Err(SegmentError::Network("no library".to_owned())));
    let prepared = engine.prepare(&[Channel { volume: volume() }]).unwrap();
    let go = Cancel::new();
    // Twice on the whole region of 4³, then on one of 2³ voxels of twice the size; the answer is on the whole one.
    assert_eq!(click(&engine, &prepared, &go).unwrap(), 0.25);
    assert_eq!(gpu.passes.load(SeqCst), 3);
    let device = engine.describe().device;
    assert!(device.contains("cuda:0, half as fine"), "{device}");
    // It stays with what worked.
    assert_eq!(click(&engine, &prepared, &go).unwrap(), 0.25);
    assert_eq!(gpu.passes.load(SeqCst), 4);
    // Not even that fits any more, and there is nothing else.
    gpu.room.store(0, SeqCst);
    assert!(click(&engine, &prepared, &go).is_err());
}

#[test]
fn nothing_to_fall_back_on() {
    let gpu = Faulty::new("cuda:0", 0.25);
    gpu.faults.store(3, SeqCst);
    let engine = FallbackEngine::new(gpu, || Err(SegmentError::Network("no library".to_owned())));
    let prepared = engine.prepare(&[Channel { volume: volume() }]).unwrap();
    assert!(click(&engine, &prepared, &Cancel::new()).is_err());
    assert_eq!(engine.describe().device, "cuda:0");
}
