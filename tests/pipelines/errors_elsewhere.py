"""The tests that bring an error about elsewhere, by its row in the table of errors."""

from tests.pipelines import test_attributes, test_component
from tests.pipelines.test_rare_errors import RARE

BEGINNING = "run_page/test_page.py::test_the_beginning_of_an_id_is_enough_if_it_is_the_only_one"
ELSEWHERE = {
    "Dagster's … ….": "pipelines/test_services.py::test_a_process_of_dagster_that_ends_is_named",
    "… is not valid: ….": "pipelines/test_services.py::test_a_workspace_that_is_not_valid_is_one_line",
    "… must look like ducklake:postgres:dbname=lake or ducklake:sqlite:/srv/lake.sqlite.": (
        "settings/test_lake.py::test_other_catalogues_are_refused"
    ),
    "None of the … files of the lake in … can be read.": (
        "lake/test_damage.py::test_a_folder_that_is_not_mounted_is_no_damage"
    ),
    "The file … of the lake cannot be read: …": (
        "lake/test_damage.py::test_a_file_that_this_user_may_not_read_stays_in_the_lake"
    ),
    "Another process of … looks after the lake.": (
        "lake/test_damage.py::test_one_process_of_a_home_looks_after_the_lake"
    ),
    "There is no lake in ….": ("lake/test_refusals.py::test_there_is_no_lake_yet"),
    "There is no lake at this address yet.": ("lake/test_refusals.py::test_there_is_no_lake_yet"),
    "The lake cannot be opened: …": ("lake/test_refusals.py::test_a_shard_refuses_what_would_spoil_the_lake"),
    "… must be a folder, or a bucket and a prefix of letters, digits and ._-=/ such as s3://bucket/prefix.": (
        "settings/test_lake.py::test_no_other_address_is_a_place_for_files"
    ),
    "The files of the lake are in …, but … not set.": (
        "settings/test_lake.py::test_a_bucket_without_keys_says_which_are_missing"
    ),
    **dict.fromkeys(
        (
            "AWS_ENDPOINT_URL is not the address of object storage.",
            "AWS_ENDPOINT_URL names … with http, so others could read the lake on the network.",
        ),
        "settings/test_lake.py::test_an_endpoint_that_would_show_the_lake_is_refused",
    ),
    **dict.fromkeys(
        (
            "The object storage does not accept the keys for …: ….",
            "The keys in AWS_ACCESS_KEY_ID may not do this in …: ….",
            "The object storage has no bucket for ….",
            "The bucket of … is in another region: ….",
            "The object storage of … cannot do this: ….",
            "The object storage of … did not prove who it is: ….",
            "The object storage of … does not answer: ….",
        ),
        "settings/test_lake.py::test_what_object_storage_refuses_is_said_with_the_way_out",
    ),
    "… the lake failed: ….": "settings/test_lake.py::test_a_catalogue_that_is_lost_is_no_fault_of_the_statement",
    "… the lake failed: a file cannot be used (…).": (
        "lake/test_damage.py::test_a_folder_that_is_not_mounted_is_no_damage"
    ),
    "TASKHOUSE_LAKE is not set, so there is no lake.": (
        "settings/test_lake.py::test_a_home_without_a_lake_or_a_name_in_it_says_so"
    ),
    "TASKHOUSE_SHARD is not set, so this home has no name in the lake.": (
        "settings/test_lake.py::test_a_home_without_a_lake_or_a_name_in_it_says_so"
    ),
    "The address of the lake ….": ("settings/test_lake.py::test_a_home_without_a_lake_or_a_name_in_it_says_so"),
    "The DuckDB extension … is not installed for DuckDB ….": (
        "settings/test_lake.py::test_without_the_extension_the_error_says_where_it_comes_from"
    ),
    "… is in use by a process on ….": ("lake/test_publish.py::test_a_shard_has_one_home_and_one_process"),
    "Another process publishes shard … from …, to this lake or to another one.": (
        "lake/test_publish.py::test_a_shard_has_one_home_and_one_process"
    ),
    "Shard … belongs to another home, on ….": ("lake/test_publish.py::test_a_shard_has_one_home_and_one_process"),
    "Shard … of the lake belongs to another home.": (
        "lake/test_refusals.py::test_a_shard_refuses_what_would_spoil_the_lake"
    ),
    "The lake has commit … of shard …, but the published copy ends with commit ….": (
        "lake/test_refusals.py::test_a_shard_refuses_what_would_spoil_the_lake"
    ),
    "The lake is being compacted or rewritten by a process on ….": (
        "lake/test_refusals.py::test_a_shard_refuses_what_would_spoil_the_lake"
    ),
    "The lake lacks tables or columns that this taskhouse shows.": (
        "lake/test_refusals.py::test_a_reader_that_is_newer_than_the_lake_says_so"
    ),
    "The lake has nothing of shard … yet.": (
        "lake/test_refusals.py::test_verify_says_that_a_shard_is_not_published_yet"
    ),
    "The lake has commit … of shard …, and this home has no published copy of it.": (
        "lake/test_upkeep.py::test_the_lake_is_verified_rebuilt_and_rewritten"
    ),
    "The published copy has no table ….": "lake/test_refusals.py::test_a_copy_of_an_older_version_is_refused",
    "Shard … cannot publish … …: shard … does.": "lake/test_refusals.py::test_a_project_belongs_to_one_shard",
    "The lake has no shard ….": "lake/test_refusals.py::test_a_project_belongs_to_one_shard",
    "A process on … publishes shard ….": "lake/test_refusals.py::test_a_project_belongs_to_one_shard",
    "The lake has no run or task ….": (
        "lake/test_upkeep.py::test_a_run_that_is_erased_is_in_no_file_and_never_published_again"
    ),
    "The lake has no index of words.": ("lake/test_reading.py::test_search_says_that_the_lake_has_no_index"),
    "TASKHOUSE_DIRECTORY names …, and there is no such file.": (
        "report/test_directory.py::test_without_the_file_nothing_is_known_unless_somebody_named_it"
    ),
    "There are no owners, because there is no file taskhouse.toml.": (
        "report/test_directory.py::test_an_owner_that_the_file_does_not_have_is_refused_with_those_that_it_has"
    ),
    "… has no owner ….": (
        "report/test_directory.py::test_an_owner_that_the_file_does_not_have_is_refused_with_those_that_it_has"
    ),
    "… is not valid TOML: ….": "report/test_directory.py::test_a_file_that_is_no_text_is_named",
    "… cannot be read (…).": "report/test_directory.py::test_a_file_that_is_no_text_is_named",
    "…: … names … twice.": (
        "report/test_directory.py::test_what_is_wrong_is_named_with_the_file_the_entry_and_what_is_allowed"
    ),
    "This process may open only … files, but needs at least ….": (
        "pipelines/test_exit_codes.py::test_a_process_that_may_open_too_few_files_is_1_at_once"
    ),
    "The proxy in … cannot be used: ….": "posthog/test_network.py::test_a_proxy_that_cannot_be_used",
    "The certificates in … cannot be read: ….": "posthog/test_network.py::test_certificates_that_cannot_be_read",
    "The statement contains bytes that are not UTF-8.": (
        "pipelines/test_query_forms.py::test_a_statement_is_utf8_whatever_the_locale_says"
    ),
    "It is … here, and nothing was recorded after that.": (
        "passes/test_sync_pass.py::test_a_clock_that_was_ahead_locks_the_home_only_until_its_moments_are_set_back"
    ),
    "Port … of … is not free: ….": "pipelines/test_advice.py::test_a_port_that_is_in_use",
    "A terminal cannot show Parquet.": "pipelines/test_query_forms.py::test_parquet_is_not_written_to_a_terminal",
    "… already exists and is not an export.": "reading/test_export.py::test_a_folder_of_something_else_is_not_touched",
    "Another export is writing ….": "reading/test_export.py::test_two_exports_into_one_folder_do_not_meet",
    "… is inside the home ….": "warehouse/test_backup.py::test_a_folder_keeps_one_home_and_is_outside_of_it",
    "… contains backups of another home, and this is ….": (
        "warehouse/test_backup.py::test_a_folder_keeps_one_home_and_is_outside_of_it"
    ),
    "The warehouse … is damaged: ….": "warehouse/test_damage.py::test_a_file_that_was_cut_is_noticed_when_it_is_opened",
    "… is damaged: ….": "warehouse/test_damage.py::test_what_is_damaged_is_not_restored",
    "None of the … files in … can be restored: all are damaged.": (
        "warehouse/test_damage.py::test_what_is_damaged_is_not_restored"
    ),
    "The backup … has changed since it was written.": (
        "warehouse/test_backup.py::test_a_backup_that_is_not_as_it_was_written_is_refused"
    ),
    "The warehouse … is sound, up to commit …: there is nothing to restore.": (
        "warehouse/test_identity.py::test_what_is_restored_destroys_nothing"
    ),
    "The warehouse … has been open in … for … s.": (
        "pipelines/test_status.py::test_the_published_copy_answers_and_its_age_is_shown"
    ),
    "The warehouse … cannot be opened: ….": "pipelines/test_monitor.py::test_nothing_is_5_and_what_cannot_be_read_1",
    "The warehouse … is older than this home's history: it ends with commit …, but … was seen here.": (
        "warehouse/test_identity.py::test_an_older_warehouse_is_noticed_and_accepted_knowingly"
    ),
    "This file has schema version …, but this taskhouse verifies version ….": (
        "operations/test_verify.py::test_an_old_home_is_sound_but_for_what_it_never_wrote_down"
    ),
    "The warehouse … belongs to …, but this is ….": (
        "warehouse/test_identity.py::test_the_warehouse_of_another_home_is_refused"
    ),
    "The warehouse … is damaged in blocks …, and the metadata next to it does not match them. Nothing was changed.": (
        "warehouse/test_preimage.py::test_a_block_that_is_damaged_in_a_part_in_use_is_refused"
    ),
    "The warehouse … has blocks to repair, but they cannot be saved first: ….": (
        "warehouse/test_preimage.py::test_without_room_for_what_is_overwritten_nothing_is"
    ),
    "The pass … …, so its further data is refused.": (
        "passes/test_sync_pass.py::test_a_pass_whose_place_was_taken_can_write_nothing_more"
    ),
    "Segment … should have … lines, but … could be read.": (
        "warehouse/test_load.py::test_a_segment_whose_lines_do_not_add_up_is_not_loaded"
    ),
    "TASKHOUSE_READERS_GROUP is …, but … cannot be assigned to that group.": (
        "pipelines/test_privacy_of_home.py"
        "::test_a_group_that_cannot_be_given_the_copies_is_an_error_that_names_the_setting"
    ),
    "… cannot be opened: ….": "pipelines/test_status.py::test_a_damaged_copy_is_named_and_no_bug",
    "There is not enough disk space for another copy in …: ….": (
        "warehouse/test_publish.py::test_a_copy_that_finds_no_room_leaves_nothing_and_the_last_one_stays"
    ),
    "This warehouse belongs to …, but taskhouse is set to ….": (
        "warehouse/test_identity.py::test_a_home_is_bound_to_its_host_by_what_it_holds"
    ),
    "The warehouse … …, but this home has ….": (
        "warehouse/test_identity.py::test_a_warehouse_that_is_gone_is_no_new_one"
    ),
    "It is … here, and a pass of … for project … began at …: history would run backwards.": (
        "passes/test_sync_pass.py::test_a_late_pass_is_refused"
    ),
    "Another command has started the Dagster daemon on ….": "pipelines/test_daemon.py::test_it_is_refused",
    "Another process is updating ….": (
        "search/test_index.py::test_one_process_updates_the_index_and_others_leave_it_alone"
    ),
    "… is being updated, or an update of it was interrupted.": (
        "search/test_index.py::test_an_index_that_is_being_written_says_so_to_a_process_that_may_only_read_it"
    ),
    "The SQLite … of this Python has no full-text search (FTS5).": (
        "search/test_answers.py::test_without_an_index_with_a_broken_one_and_without_fts5_the_error_says_what_to_do"
    ),
    "… cannot be read: ….": (
        "search/test_answers.py::test_without_an_index_with_a_broken_one_and_without_fts5_the_error_says_what_to_do"
    ),
    "There is no text of ….": "pipelines/test_search.py::test_a_filter_that_fits_nothing_is_refused",
    "The search would start on … and end on ….": "pipelines/test_search.py::test_a_filter_that_fits_nothing_is_refused",
    "There is no data for a window of … days.": "report/test_html.py::test_the_headline_can_be_of_another_window",
    "Sending needs Apprise, which is not installed.": "digest/test_digest.py::test_what_is_missing_is_said",
    "TASKHOUSE_BUDGET needs the Python package …, which is not installed.": (
        "posthog/test_budget_cut_off.py::test_the_client_is_an_extra"
    ),
    "There is nobody to send the digest to.": "digest/test_digest.py::test_what_is_missing_is_said",
    "Address … of TASKHOUSE_NOTIFY cannot be read.": (
        "digest/test_digest.py::test_an_address_that_cannot_be_read_is_named_by_its_place"
    ),
    "The digest did not reach everyone: ….": (
        "digest/test_digest.py::test_everyone_gets_it_and_what_one_refuses_is_said_without_an_address"
    ),
    "This is not the id of a run.": BEGINNING,
    "… holds the site of another home.": "site/test_site.py::test_the_site_of_another_home_is_not_touched",
    "… already exists and is not a site.": "site/test_site.py::test_a_folder_of_something_else_is_not_touched",
    "… is damaged.": "site/test_site.py::test_a_damaged_list_of_pages_is_said_with_what_to_do",
    "Another process is writing ….": "site/test_site.py::test_one_process_writes_a_site_at_a_time",
    "There is nothing to show yet.": "site/test_site.py::test_nothing_is_written_before_the_first_sync",
    "Two runs can be compared in HTML only.": "run_page/test_compare.py::test_two_runs_are_not_compared_in_markdown",
    "No run… has an id that begins with ….": BEGINNING,
    "Several runs have an id that begins with …: ….": BEGINNING,
    "Several projects have a run …: ….": "run_page/test_page.py::test_a_run_of_two_projects_needs_the_project",
}
"""The test that brings an error about, by its row in the table."""

ELSEWHERE |= {said: f"pipelines/test_rare_errors.py::{test}" for said, test in RARE.items()}
ELSEWHERE |= {said: f"pipelines/test_component.py::{test}" for said, test in test_component.REFUSED.items()}
ELSEWHERE |= {said: f"pipelines/test_attributes.py::{test}" for said, test in test_attributes.REFUSED.items()}
