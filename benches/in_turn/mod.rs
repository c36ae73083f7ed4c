//! Times taken in turn, so that the machine's moods hit all candidates alike.
#![allow(clippy::disallowed_methods, reason = "a bench measures time")]

use std::time::Instant;

/// Nanoseconds a call of each candidate: of the samples the one that a tenth is quicker than, which what else runs on the
/// machine hardly touches. A candidate makes ready what its calls use up, and gives it to [`timed`].
pub(crate) fn in_turn<const N: usize>(
    samples: usize,
    mut candidates: [&mut dyn FnMut() -> f64; N],
) -> [f64; N] {
    let mut times: [Vec<f64>; N] = std::array::from_fn(|_| Vec::with_capacity(samples));
    for _ in 0..samples {
        for (candidate, times) in candidates.iter_mut().zip(&mut times) {
            times.push(candidate());
        }
    }
    times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times.get(samples / 10).copied().unwrap_or(f64::NAN)
    })
}

/// Nanoseconds that the work takes for one of these, on average.
pub(crate) fn timed<T>(inputs: Vec<T>, mut work: impl FnMut(T)) -> f64 {
    let calls = u32::try_from(inputs.len()).map_or(f64::NAN, f64::from);
    let start = Instant::now();
    inputs.into_iter().for_each(&mut work);
    start.elapsed().as_secs_f64() * 1e9 / calls
}
