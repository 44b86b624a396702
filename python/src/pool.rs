//! The threads that kernels run on.
//!
//! Rayon's global pool does not survive `fork`, which is how PyTorch starts its data workers on
//! Linux: a child would wait for ever. So the pool is kept with the process that made it, and a
//! child makes its own.

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use rayon::ThreadPool;
use std::sync::{Arc, Mutex, PoisonError};

struct Owned {
    process: u32,
    pool: Arc<ThreadPool>,
}

static POOL: Mutex<Option<Owned>> = Mutex::new(None);

/// Runs a kernel without the GIL, on this process's pool.
pub fn run<T: Send>(py: Python<'_>, kernel: impl FnOnce() -> T + Send) -> PyResult<T> {
    let pool = current()?;
    Ok(py.detach(|| pool.install(kernel)))
}

fn current() -> PyResult<Arc<ThreadPool>> {
    let mut owned = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(own) = owned.as_ref().filter(|o| o.process == std::process::id()) {
        return Ok(Arc::clone(&own.pool));
    }
    // 0 lets rayon choose: RAYON_NUM_THREADS, else one a core.
    let pool = build(0)?;
    // A pool inherited through fork has no threads to join; dropping it would wait for them.
    if let Some(stale) = owned.replace(Owned { process: std::process::id(), pool: Arc::clone(&pool) }) {
        std::mem::forget(stale);
    }
    Ok(pool)
}

fn build(threads: usize) -> PyResult<Arc<ThreadPool>> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|n| format!("isochrone-{n}")).build();
    pool.map(Arc::new)
        .map_err(|e| PyRuntimeError::new_err(format!("Threads could not be started ({e}); ask for fewer")))
}

/// set_threads(n)
/// --
///
/// Use n threads from now on, in this process.
#[pyfunction]
fn set_threads(n: usize) -> PyResult<()> {
    if n == 0 {
        return Err(PyValueError::new_err("n must be 1 or more"));
    }
    let pool = build(n)?;
    let mut owned = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    let old = owned.replace(Owned { process: std::process::id(), pool });
    if let Some(stale) = old.filter(|o| o.process != std::process::id()) {
        std::mem::forget(stale);
    }
    Ok(())
}

/// get_threads()
/// --
///
/// The number of threads that kernels use.
#[pyfunction]
fn get_threads() -> PyResult<usize> {
    Ok(current()?.current_num_threads())
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(set_threads, module)?)?;
    module.add_function(wrap_pyfunction!(get_threads, module)?)
}
