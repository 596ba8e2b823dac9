/* The bookkeeping of a run: batches, progress text, records, checkpoints. */
#include "runtime/base/file.h"
#include "runtime/base/text.h"
#include "runtime/train/batches.h"
#include "runtime/train/checkpoint.h"
#include "runtime/train/progress.h"
#include "runtime/train/runlog.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka needs the four headers above it. */
#include <cmocka.h>

/* ---- batches ---- */

static void an_epoch_visits_every_sample_once(void **state) {
    (void)state;
    BatchSettings settings = {.sample_count = 103, .batch_size = 10, .last = LAST_BATCH_KEEP, .seed = 7};
    Batches *batches = batches_new(&settings, NULL);
    assert_int_equal(batches_steps_per_epoch(batches), 11);
    for (int epoch = 0; epoch < 3; epoch++) {
        int seen[103] = {0};
        for (int64_t k = 0; k < 11; k++) {
            int64_t samples[10], count = batches_at(batches, epoch * 11 + k, samples);
            assert_int_equal(count, k == 10 ? 3 : 10);
            assert_int_equal(count, batches_count_at(batches, epoch * 11 + k));
            for (int64_t i = 0; i < count; i++) seen[samples[i]]++;
        }
        for (int i = 0; i < 103; i++) assert_int_equal(seen[i], 1);
    }
    batches_free(batches);
}

static void batches_do_not_depend_on_what_was_asked_before(void **state) {
    (void)state;
    BatchSettings settings = {.sample_count = 50, .batch_size = 8, .seed = 3, .site = "digits"};
    for (int order = BATCH_SHUFFLED; order <= BATCH_WITH_REPLACEMENT; order++) {
        settings.order = (BatchOrder)order;
        Batches *forward = batches_new(&settings, NULL), *resumed = batches_new(&settings, NULL);
        int64_t first[8], second[8], expected[30][8];
        for (int step = 0; step < 30; step++) batches_at(forward, step, expected[step]);
        for (int step = 29; step >= 0; step -= 7) {
            batches_at(resumed, step, first);
            assert_memory_equal(first, expected[step], sizeof first);
        }
        settings.seed++;
        Batches *other = batches_new(&settings, NULL);
        batches_at(other, 5, second);
        if (order != BATCH_IN_ORDER) assert_memory_not_equal(second, expected[5], sizeof second);
        batches_free(forward);
        batches_free(resumed);
        batches_free(other);
    }
}

static void streams_and_epochs_differ(void **state) {
    (void)state;
    int64_t a[40], b[40], c[40];
    batches_permutation(&(BatchSettings){.sample_count = 40, .site = "a"}, 0, a);
    batches_permutation(&(BatchSettings){.sample_count = 40, .site = "b"}, 0, b);
    batches_permutation(&(BatchSettings){.sample_count = 40, .site = "a"}, 1, c);
    assert_memory_not_equal(a, b, sizeof a);
    assert_memory_not_equal(a, c, sizeof a);
}

/* Each of 4! orders of four samples comes up about equally often. */
static void permutations_are_uniform(void **state) {
    (void)state;
    int counts[256] = {0};
    for (int64_t epoch = 0; epoch < 24000; epoch++) {
        int64_t order[4];
        batches_permutation(&(BatchSettings){.sample_count = 4, .seed = 1}, epoch, order);
        counts[order[0] * 64 + order[1] * 16 + order[2] * 4 + order[3]]++;
    }
    int orders = 0;
    for (int i = 0; i < 256; i++) {
        if (!counts[i]) continue;
        orders++;
        assert_in_range(counts[i], 850, 1150);
    }
    assert_int_equal(orders, 24);
}

static void sizes_are_checked(void **state) {
    (void)state;
    Fault fault = {0};
    assert_null(batches_new(&(BatchSettings){.sample_count = 0, .batch_size = 1}, &fault));
    assert_null(batches_new(&(BatchSettings){.sample_count = 10, .batch_size = 64}, &fault));
    assert_string_equal(fault.message, "a batch of 64 samples cannot be filled from 10");
    Batches *all = batches_new(&(BatchSettings){.sample_count = 10}, &fault);
    int64_t samples[64];
    assert_int_equal(batches_at(all, 3, samples), 10);
    assert_int_equal(samples[9], 9);
    assert_int_equal(batches_epoch(all, 3), 3);
    batches_free(all);
    Batches *drawn = batches_new(&(BatchSettings){.sample_count = 10, .batch_size = 64, .order = BATCH_WITH_REPLACEMENT}, &fault);
    assert_int_equal(batches_at(drawn, 3, samples), 64);
    for (int i = 0; i < 64; i++) assert_in_range(samples[i], 0, 9);
    batches_free(drawn);
}

/* ---- progress ---- */

typedef struct Fake {
    Text text;
    double seconds;
    int writes;
} Fake;

static void fake_write(void *context, const char *bytes, size_t length) {
    Fake *fake = context;
    fake->writes++;
    text_add_bytes(&fake->text, bytes, length);
}

static double fake_seconds(void *context) { return ((Fake *)context)->seconds; }

static void run_progress(Fake *fake, ProgressSettings settings) {
    settings.write = fake_write;
    settings.seconds = fake_seconds;
    settings.context = fake;
    Progress *progress = progress_new(&settings);
    for (int64_t step = 1; step <= settings.total_steps; step++) {
        fake->seconds += 0.001;
        progress_value(progress, "loss", 1.0 / (double)step);
        if (step % 50 == 0) progress_value(progress, "accuracy", 0.871);
        progress_update(progress, step);
    }
    progress_finish(progress, settings.total_steps, NULL);
    progress_finish(progress, settings.total_steps, NULL);
    progress_free(progress);
}

static void plain_progress_has_a_line_per_epoch(void **state) {
    (void)state;
    Fake fake = {0};
    run_progress(&fake, (ProgressSettings){.total_steps = 300, .steps_per_epoch = 100, .hides_time = true});
    assert_string_equal(text_string(&fake.text), "epoch 1/3  loss 0.01    accuracy 0.871\n"
                                                 "epoch 2/3  loss 0.005   accuracy 0.871\n"
                                                 "epoch 3/3  loss 0.003333  accuracy 0.871\n"
                                                 "3 epochs  loss 0.003333  accuracy 0.871\n");
    text_free(&fake.text);
    fake = (Fake){0};
    run_progress(&fake, (ProgressSettings){.total_steps = 1000, .title = "fit"});
    assert_int_equal(fake.writes, 11);
    assert_non_null(strstr(text_string(&fake.text), "fit  step  500/1000  loss 0.002     accuracy 0.871   1,000 steps/s  0:01 left\n"));
    assert_non_null(strstr(text_string(&fake.text), "fit  1,000 steps in 1 s  loss 0.001     accuracy 0.871   1,000 steps/s\n"));
    text_free(&fake.text);
}

static void terminal_progress_redraws_at_most_ten_times_a_second(void **state) {
    (void)state;
    Fake fake = {0};
    run_progress(&fake, (ProgressSettings){.total_steps = 2000, .steps_per_epoch = 500, .is_terminal = true, .columns = 90});
    assert_in_range(fake.writes, 15, 22);
    const char *text = text_string(&fake.text);
    assert_non_null(strstr(text, "\r\033[2Kepoch 3/4  ━"));
    assert_non_null(strstr(text, "1,000 steps/s"));
    assert_int_equal(text[fake.text.length - 1], '\n');
    text_free(&fake.text);
}

/* ---- records ---- */

static void records_become_columns(void **state) {
    (void)state;
    RunLog *log = runlog_new();
    for (int64_t step = 1; step <= 3; step++) runlog_add(log, step, "loss", 1.0 / (double)step);
    runlog_add(log, 2, "accuracy, test", 0.5);
    Text text = {0};
    runlog_csv(log, &text);
    assert_string_equal(text_string(&text), "step,loss,\"accuracy, test\"\n1,1,\n2,0.5,0.5\n3,0.333333333,\n");
    text_free(&text);
    double value;
    assert_true(runlog_last(log, "loss", &value) && value == 1.0 / 3);
    assert_false(runlog_last(log, "nothing", &value));
    runlog_add(log, 2, "loss", 9); /* a resumed run repeats step 2 */
    assert_int_equal(runlog_find(log, "loss")->count, 2);
    runlog_free(log);
}

/* ---- checkpoints ---- */

static const char *checkpoint_path(void) {
    static char path[256];
    const char *folder = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/reg-test-%d-run.safetensors", folder ? folder : "/tmp", (int)getpid());
    return path;
}

static Checkpoint sample_checkpoint(void) {
    Checkpoint checkpoint = {.step = 1234, .epoch = 5, .seed = UINT64_MAX, .log = runlog_new()};
    Tensor *weights = tensor_new(DTYPE_F32, shape_2(3, 4), NULL), *bias = tensor_zeros(DTYPE_F64, shape_1(4), NULL);
    for (int i = 0; i < 12; i++) tensor_f32(weights)[i] = (float)i / 7;
    table_add(&checkpoint.tensors, "net.dense_1.w", weights);
    table_add(&checkpoint.tensors, "net.dense_1.b", bias);
    table_add(&checkpoint.tensors, "adam.count", tensor_scalar(DTYPE_I64, 1234));
    runlog_add(checkpoint.log, 1000, "loss", 0.25);
    runlog_add(checkpoint.log, 1234, "loss", NAN);
    metadata_add(&checkpoint.metadata, "script", "digits \"quoted\" ünïcode");
    return checkpoint;
}

static void checkpoints_come_back_bit_for_bit(void **state) {
    (void)state;
    Fault fault = {0};
    Checkpoint saved = sample_checkpoint(), loaded;
    assert_true(checkpoint_save(checkpoint_path(), &saved, &fault));
    assert_true(checkpoint_load(checkpoint_path(), &loaded, &fault));
    assert_int_equal(loaded.step, 1234);
    assert_int_equal(loaded.epoch, 5);
    assert_true(loaded.seed == UINT64_MAX);
    assert_true(checkpoint_fits(&loaded, &saved.tensors, &fault));
    for (size_t i = 0; i < saved.tensors.count; i++) {
        const Tensor *tensor = saved.tensors.items[i].tensor;
        assert_memory_equal(table_find(&loaded.tensors, saved.tensors.items[i].name)->data, tensor->data, tensor_bytes(tensor));
    }
    assert_int_equal(runlog_find(loaded.log, "loss")->count, 2);
    assert_string_equal(metadata_find(&loaded.metadata, "script"), "digits \"quoted\" ünïcode");
    assert_null(metadata_find(&loaded.metadata, "reg.step"));
    table_add(&loaded.tensors, "extra", tensor_scalar(DTYPE_F32, 0));
    assert_false(checkpoint_fits(&loaded, &saved.tensors, &fault));
    assert_string_equal(fault.message, "the checkpoint has a tensor 'extra' that the run does not have");
    checkpoint_free(&loaded);
    checkpoint_free(&saved);
    unlink(checkpoint_path());
}

/* Every truncation and every flipped byte of the numbers is noticed; nothing crashes on a flipped byte of the header. */
static void damaged_checkpoints_are_refused(void **state) {
    (void)state;
    Fault fault = {0};
    Checkpoint saved = sample_checkpoint(), loaded;
    assert_true(checkpoint_save(checkpoint_path(), &saved, &fault));
    size_t length, header = 0;
    char *bytes = file_read(checkpoint_path(), &length, &fault);
    memcpy(&header, bytes, 8);
    for (size_t cut = 0; cut < length; cut += 1 + length / 97) {
        assert_true(file_write(checkpoint_path(), bytes, cut, &fault));
        fault.message[0] = 0;
        assert_false(checkpoint_load(checkpoint_path(), &loaded, &fault));
        assert_true(fault.message[0] && loaded.tensors.count == 0 && !loaded.log);
    }
    for (size_t at = 0; at < length; at += at < header ? 5 : 1) {
        bytes[at] = (char)(bytes[at] ^ 0x55);
        assert_true(file_write(checkpoint_path(), bytes, length, &fault));
        bool is_loaded = checkpoint_load(checkpoint_path(), &loaded, &fault);
        if (at >= header + 8) assert_false(is_loaded);
        if (is_loaded) checkpoint_free(&loaded);
        bytes[at] = (char)(bytes[at] ^ 0x55);
    }
    free(bytes);
    checkpoint_free(&saved);
    unlink(checkpoint_path());
}

static void foreign_files_are_named_as_such(void **state) {
    (void)state;
    Fault fault = {0};
    Checkpoint loaded;
    TensorTable weights = {0};
    table_add(&weights, "w", tensor_scalar(DTYPE_F32, 1));
    assert_true(safetensors_write(checkpoint_path(), &weights, NULL, &fault));
    assert_false(checkpoint_load(checkpoint_path(), &loaded, &fault));
    assert_non_null(strstr(fault.message, "holds tensors but is not the checkpoint of a run"));
    assert_true(file_write(checkpoint_path(), "step,loss\n1,2\n", 14, &fault));
    assert_false(checkpoint_load(checkpoint_path(), &loaded, &fault));
    unlink(checkpoint_path());
    assert_false(checkpoint_load(checkpoint_path(), &loaded, &fault));
    table_free(&weights);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_epoch_visits_every_sample_once),
        cmocka_unit_test(batches_do_not_depend_on_what_was_asked_before),
        cmocka_unit_test(streams_and_epochs_differ),
        cmocka_unit_test(permutations_are_uniform),
        cmocka_unit_test(sizes_are_checked),
        cmocka_unit_test(plain_progress_has_a_line_per_epoch),
        cmocka_unit_test(terminal_progress_redraws_at_most_ten_times_a_second),
        cmocka_unit_test(records_become_columns),
        cmocka_unit_test(checkpoints_come_back_bit_for_bit),
        cmocka_unit_test(damaged_checkpoints_are_refused),
        cmocka_unit_test(foreign_files_are_named_as_such),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
