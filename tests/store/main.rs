//! The laws of `signet::store`, held against every engine, and what is promised of the embedded one alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod engines;
mod file;
mod fixtures;
mod kill;
mod laws;

/// Makes each law a test of an engine, so that another engine is one more line.
macro_rules! hold_to_the_laws {
    ($engine:ident) => {
        mod $engine {
            hold_to_the_laws!(@each $engine:
                a_register_is_what_was_swapped_in_last,
                a_swap_of_what_was_not_seen_loses_and_says_what_is_there,
                a_registers_expiry_never_moves_back,
                of_concurrent_swaps_exactly_one_wins,
                swaps_under_contention_lose_no_step,
                positions_grow_and_the_last_is_the_head,
                the_tail_gives_every_entry_once_and_in_order,
                concurrent_appends_are_all_in_the_log_once,
                a_position_of_another_log_is_a_gap,
                a_position_before_what_was_swept_is_a_gap,
                a_log_that_was_swept_empty_keeps_its_place,
                a_snapshot_merges_what_lives,
                a_snapshot_and_the_tail_after_it_miss_nothing,
                the_order_and_number_of_deliveries_do_not_matter,
                a_snapshot_of_a_time_holds_what_was_made_or_denies_since_and_every_key,
                a_snapshot_of_a_time_goes_by_the_merged_times,
                a_change_that_has_happened_is_not_waited_for,
                a_wait_for_a_change_is_ended_by_an_append_and_by_nothing_else,
                no_append_is_slept_through,
                a_sweep_keeps_what_expires_a_millisecond_later,
                a_merged_cutoff_lives_as_long_as_its_longest_entry,
                a_sweep_of_nothing_sweeps_nothing,
                a_register_that_was_prolonged_is_not_swept_early,
                matching_finds_the_cutoffs_of_every_kind_of_scope,
                matching_merges_patches_and_keeps_kept_ones_apart,
            );
        }
    };
    (@each $engine:ident: $($law:ident,)*) => { $(
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $law() {
            crate::laws::$law(crate::engines::$engine).await;
        }
    )* };
}

hold_to_the_laws!(memory);
hold_to_the_laws!(embedded);
