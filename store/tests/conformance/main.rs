//! The conformance suite of the store: every case runs on `SQLite` and on
//! MariaDB. Without an installed MariaDB its half fails, and says what to install.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod batches;
mod commits;
mod copying;
mod damage;
mod diverged;
mod drill;
mod following;
mod healing;
mod history;
mod known;
mod lifecycle;
mod loading;
mod mariadb;
mod mirror;
mod model;
mod outage;
mod paging;
mod promotion;
mod refilling;
mod rights;
mod sample;
mod sharing;
mod site;
mod traces;
mod upkeep;

/// Runs a case on both engines.
macro_rules! on_both_engines {
    ($($module:ident: $($case:ident),+;)+) => {
        mod sqlite {
            $($(
                #[tokio::test]
                async fn $case() {
                    crate::$module::$case(crate::site::Site::sqlite()).await;
                }
            )+)+
        }

        mod mysql {
            $($(
                #[tokio::test]
                async fn $case() {
                    crate::$module::$case(crate::site::Site::mysql()).await;
                }
            )+)+
        }
    };
}

on_both_engines! {
    batches: a_batch_costs_few_statements, commits_that_wait_share_a_transaction;
    commits: every_precondition_is_asked, a_repeated_operation_gets_the_first_answer,
        one_bad_commit_of_many_fails_alone, names_can_be_swapped, a_name_is_taken_once,
        rows_come_back_as_they_were_put, too_much_is_refused, files_are_flushed_before_they_are_named,
        a_missing_chunk_refuses_the_commit, a_chunk_on_its_way_out_is_uploaded_again,
        a_node_takes_its_versions_along;
    damage: every_column_is_covered, damaged_bytes_of_inline_chunks_are_found;
    diverged: what_an_earlier_primary_had_is_kept_once, what_was_done_again_is_not_kept,
        kept_chunks_stay_until_nobody_needs_them;
    following: a_replica_has_what_its_source_has, each_role_does_its_own,
        the_feed_gives_entries_in_order, who_waits_for_entries_is_woken,
        batches_may_overlap_and_come_twice, other_histories_and_damage_are_refused,
        chunks_that_are_missing_are_named, chunks_go_and_come_again,
        an_entry_that_cannot_be_applied_is_named;
    healing: every_row_is_healed_on_either_side, one_bit_is_put_right_without_help,
        chunks_are_healed_on_either_side, entries_are_healed_on_either_side,
        what_is_offered_at_another_moment_is_refused, what_is_sound_is_not_written_over,
        the_breaker_ends_healing, the_collector_waits_for_replicas;
    history: the_journal_says_what_happened, a_changed_entry_breaks_the_chain,
        pruning_keeps_the_chain, a_fenced_store_writes_nothing;
    known: a_user_finds_what_he_refers_to_and_nothing_else,
        what_an_upload_holds_is_known_and_pinned_again;
    lifecycle: a_store_is_made_once, what_was_committed_is_there_after_a_restart,
        an_admin_commits_beside_the_server, an_older_schema_is_brought_up,
        a_newer_schema_is_refused,
        a_foreign_database_is_refused, after_the_end_nothing_is_done;
    drill: a_drill_restores_everything_or_a_sample, a_drill_names_what_cannot_be_restored;
    loading: a_replica_is_filled_from_a_snapshot, a_load_that_was_cut_short_is_begun_anew,
        only_what_the_source_has_is_taken, a_state_root_tells_machines_apart;
    paging: directories_are_listed_in_pages, the_trash_is_listed_newest_first,
        versions_users_and_invites_are_listed, totals_add_up;
    promotion: a_replica_becomes_the_primary, others_follow_the_new_epoch_and_not_the_old_one,
        of_two_promotions_at_once_one_happens, a_promotion_is_for_one_history,
        a_fence_stops_every_process_and_stays, a_primary_steps_down_and_back,
        a_replica_has_nothing_to_fence;
    refilling: what_differs_is_replaced_at_once, a_machine_with_everything_keeps_its_journal,
        a_difference_that_was_cut_short_goes_on, what_does_not_add_up_changes_nothing,
        bytes_that_only_the_replica_has_stay, a_page_fits_an_answer,
        a_primary_becomes_a_replica_only_when_it_is_rewound,
        a_load_goes_on_while_the_source_has_its_snapshot, pages_that_are_none_are_refused;
    rights: access_is_what_the_shares_on_the_way_up_give, access_costs_few_statements,
        a_damaged_share_gives_nothing_and_hides_no_other,
        a_broken_way_up_gives_nothing, nothing_is_written_after_a_share_was_taken_back;
    sharing: what_is_shared_is_listed, groups_and_contacts_come_back,
        rows_that_go_take_others_along, what_is_not_there_is_not_shared, revisions_are_compared,
        a_share_and_the_end_of_what_it_names_do_not_pass;
    traces: activity_is_listed_newest_first, damaged_rows_are_named_beside_the_others,
        a_check_misses_what_sharing_names, ended_shares_and_old_activity_go;
    upkeep: a_check_reads_everything, a_check_names_what_is_wrong, garbage_goes_in_two_steps,
        what_is_past_its_retention_goes;
}
