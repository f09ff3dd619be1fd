/* pq_sample OUT.parquet OUT.jsonl ROWS CODEC GROUP_ROWS SALT
 *
 * Writes sample rows (store/sample.h) as a Parquet file, and as JSON lines without any Parquet
 * code: what another engine should read from the file. Addresses and octets are hex, absent is
 * missing. */
#include "base/json.h"
#include "store/pq_write.h"
#include "store/sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 3000 };

static void put_field(struct json *j, enum field_id f, const struct sample_value *v)
{
    uint64_t u = 0;
    double d;

    memcpy(&u, v->bytes, kind_table[field_table[f].kind].width % 16 % 9);
    memcpy(&d, v->bytes, sizeof d);
    json_key(j, field_table[f].name);
    switch (field_table[f].kind) {
    case KIND_TIME:
        json_i64(j, (int64_t)u);
        break;
    case KIND_F64:
        json_f64(j, d);
        break;
    case KIND_ADDR:
    case KIND_MAC:
        json_hex(j, v->bytes, kind_table[field_table[f].kind].width);
        break;
    case KIND_TEXT:
        json_textn(j, v->text, v->len);
        break;
    case KIND_BYTES:
        json_hex(j, v->text, v->len);
        break;
    case KIND_ENUM:
        json_text(j, field_enum_name(f, v->bytes[0]));
        break;
    case KIND_U8:
    case KIND_U16:
    case KIND_U32:
    case KIND_U64:
    case KIND_N:
        json_u64(j, u);
    }
}

static bool put_row(FILE *out, struct buf *line, unsigned salt, uint64_t row)
{
    buf_reset(line);
    struct json j = json_of(line);
    json_open(&j, '{');
    for (int i = 0; i < FIELD_N; i++) {
        struct sample_value v;
        sample_value((enum field_id)i, salt, row, &v);
        if (v.present)
            put_field(&j, (enum field_id)i, &v);
    }
    json_close(&j, '}');
    buf_u8(line, '\n');
    return buf_ok(line) && fwrite(line->data, 1, line->len, out) == line->len;
}

static int write_parquet(const char *path, uint64_t rows, const struct pq_write_options *o,
                         unsigned salt, struct err *err)
{
    const struct pq_kv kv = {"weir.test", "yes"};
    struct pq_writer *w;
    struct batch b;

    int r = pq_writer_open(&w, path, o, err);
    if (r)
        return r;
    if (!batch_init(&b, BATCH))
        return err_set(err, ERR_LIMIT, "no memory");
    for (uint64_t at = 0; at < rows && r == 0; at += BATCH) {
        batch_reset(&b);
        if (!sample_fill(&b, salt, at, rows - at < BATCH ? (size_t)(rows - at) : BATCH))
            return err_set(err, ERR_LIMIT, "no memory");
        r = pq_writer_add(w, &b, err);
    }
    batch_free(&b);
    if (r) {
        pq_writer_abort(w);
        return r;
    }
    return pq_writer_finish(w, &kv, 1, NULL, err);
}

int main(int argc, char **argv)
{
    struct pq_write_options o = {0};
    struct err err;
    struct buf line;

    if (argc != 7) {
        (void)fprintf(
            stderr, "usage: pq_sample OUT.parquet OUT.jsonl ROWS zstd|lz4|none GROUP_ROWS SALT\n");
        return 2;
    }
    uint64_t rows = strtoull(argv[3], NULL, 10);
    o.codec = strcmp(argv[4], "zstd") == 0  ? PQ_ZSTD
              : strcmp(argv[4], "lz4") == 0 ? PQ_LZ4
                                            : PQ_NONE;
    o.group_rows = strtoull(argv[5], NULL, 10);
    unsigned salt = (unsigned)strtoul(argv[6], NULL, 10);
    if (write_parquet(argv[1], rows, &o, salt, &err)) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    FILE *out = fopen(argv[2], "w");
    buf_init(&line, 1 << 20);
    bool ok = out != NULL;
    for (uint64_t row = 0; ok && row < rows; row++)
        ok = put_row(out, &line, salt, row);
    buf_free(&line);
    return out && fclose(out) == 0 && ok ? 0 : 1;
}
