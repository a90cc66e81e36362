//! Generation after generation: what readers find, and what is left of the ones before.

use std::fs;

use snapshot::{Error, File, Publisher, WorkerState};

use crate::{SHAPE, Sample, names, place, publisher, reader};

#[test]
fn a_second_publisher_is_refused_until_the_first_is_gone() {
    let place = place();
    let mut first = publisher(place.path());
    first.publish(&1_u32, &[]).unwrap();
    let error = Publisher::open(place.path(), SHAPE).unwrap_err();
    assert!(matches!(error, Error::Locked { .. }));
    assert!(
        error.to_string().starts_with("lock state directory /"),
        "{error}"
    );
    assert_eq!(
        *reader(place.path()).index::<u32>(1).unwrap(),
        1,
        "the refused one changed nothing"
    );
    drop(first);
    publisher(place.path());
}

#[test]
fn a_map_outlives_the_name_of_its_file() {
    let place = place();
    let mut publisher = publisher(place.path());
    let file = publisher.stage("sample", &Sample::new(1, 5000)).unwrap();
    publisher.publish(&1_u32, &[file]).unwrap();
    let reader = reader(place.path());
    let held = reader.map::<Sample>("sample", 1).unwrap();
    for generation in 2..100 {
        let file = publisher
            .stage("sample", &Sample::new(generation, 5000))
            .unwrap();
        publisher.publish(&1_u32, &[file]).unwrap();
    }
    assert!(matches!(
        reader.map::<Sample>("sample", 1),
        Err(Error::Retired { .. })
    ));
    assert_eq!(held.generation(), 1);
    assert!(held.is_whole());
}

#[test]
fn keeps_the_files_of_this_generation_and_the_one_before_and_no_others() {
    let place = place();
    let mut publisher = publisher(place.path());
    let environments = place.path().join("environments");
    let still = publisher.stage("still", &1_u64).unwrap();
    let moving = publisher.stage("moving", &1_u64).unwrap();
    publisher.stage("unnamed", &1_u64).unwrap();
    assert_eq!(
        publisher.publish(&1_u32, &[still.clone(), moving]).unwrap(),
        1
    );
    assert_eq!(names(&environments), ["moving.1", "still.1"]);

    let moving = publisher.stage("moving", &2_u64).unwrap();
    assert_eq!(
        publisher
            .publish(&2_u32, &[still.clone(), moving.clone()])
            .unwrap(),
        2
    );
    assert_eq!(names(&environments), ["moving.1", "moving.2", "still.1"]);

    assert_eq!(
        publisher
            .publish(&3_u32, std::slice::from_ref(&moving))
            .unwrap(),
        3
    );
    assert_eq!(names(&environments), ["moving.2", "still.1"]);

    assert_eq!(publisher.publish(&4_u32, &[moving]).unwrap(), 4);
    assert_eq!(names(&environments), ["moving.2"]);
    assert_eq!(
        names(place.path()),
        ["board", "environments", "index.3", "index.4", "lock"]
    );
    assert!(matches!(
        publisher.publish(&5_u32, &[still]),
        Err(Error::NotStaged { .. })
    ));
    assert_eq!(publisher.board().generation(), 4);
}

#[test]
fn what_is_staged_twice_before_it_is_published_is_the_later() {
    let place = place();
    let mut publisher = publisher(place.path());
    let first = publisher.stage("sample", &1_u64).unwrap();
    let second = publisher.stage("sample", &2_u64).unwrap();
    assert_eq!(first, second);
    assert_eq!(
        second,
        File {
            name: "sample".to_owned(),
            generation: 1
        }
    );
    publisher.publish(&1_u32, &[second]).unwrap();
    assert_eq!(*reader(place.path()).map::<u64>("sample", 1).unwrap(), 2);
}

#[test]
fn a_failed_stage_or_publish_changes_nothing_and_can_be_repeated() {
    let place = place();
    let mut publisher = publisher(place.path());
    let file = publisher.stage("sample", &1_u64).unwrap();
    let obstacle = place.path().join("staging");
    fs::create_dir(&obstacle).unwrap();
    let error = publisher.stage("sample", &2_u64).unwrap_err();
    assert!(error.to_string().ends_with("/staging"), "{error}");
    assert!(matches!(
        publisher.publish(&1_u32, std::slice::from_ref(&file)),
        Err(Error::Io { .. })
    ));
    assert_eq!(publisher.board().generation(), 0);
    fs::remove_dir(&obstacle).unwrap();
    assert_eq!(publisher.publish(&1_u32, &[file]).unwrap(), 1);
    assert_eq!(*reader(place.path()).map::<u64>("sample", 1).unwrap(), 1);
}

#[test]
fn generations_rise_across_runs_even_if_one_publishes_nothing() {
    let place = place();
    let mut first = publisher(place.path());
    (0..5).for_each(|_| _ = first.publish(&1_u32, &[]).unwrap());
    drop(first);
    for _ in 0..3 {
        assert_eq!(publisher(place.path()).board().generation(), 0);
    }
    assert_eq!(publisher(place.path()).publish(&1_u32, &[]).unwrap(), 6);
}

#[test]
fn a_reader_of_an_earlier_run_keeps_its_board() {
    let place = place();
    publisher(place.path()).publish(&1_u32, &[]).unwrap();
    let orphan = reader(place.path());
    let mut second = publisher(place.path());
    // What the orphan says of itself does not reach the new board either.
    orphan.board().set_worker_state(0, WorkerState::Exited);
    assert_eq!(second.publish(&1_u32, &[]).unwrap(), 2);
    assert_eq!(second.board().worker_state(0), WorkerState::Starting);
    assert_eq!(orphan.board().generation(), 1);
}

#[test]
fn archives_lie_aligned_behind_their_header() {
    let place = place();
    let mut publisher = publisher(place.path());
    for length in 0..5_u128 {
        let name = format!("wide-{length}");
        let file = publisher
            .stage(&name, &(1_u8, (0..length).collect::<Vec<u128>>(), length))
            .unwrap();
        let map = reader(place.path())
            .map_verified::<(u8, Vec<u128>, u128)>(&name, file.generation)
            .unwrap();
        assert_eq!(map.2.to_native(), length);
        assert!((&raw const map.2).addr().is_multiple_of(16));
        assert!(map.1.as_ptr().addr().is_multiple_of(16));
    }
}
