/* The decoder of the lzf filter that h5py registers under number 32000.
 *
 * A compressed chunk is a series of runs. A control byte below 32 is followed by that many bytes plus one, copied as
 * they are. Any other control byte copies earlier output: its three high bits are the length minus two (7: the next byte
 * adds to it), its five low bits and the next byte are the distance back, minus one. */
#include "shim.h"

enum { lzf_filter = 32000 };

/* No run can turn its bytes into more than this many times as much: three bytes give at most 264. */
enum { lzf_expansion = 88 };

/* Returns the length of the output, or 0 where the input is broken or does not fit. */
static size_t lzf_decode(const unsigned char *in, size_t length, unsigned char *out, size_t capacity)
{
    size_t i = 0, o = 0;
    while (i < length) {
        size_t control = in[i++];
        if (control < 32) {
            size_t run = control + 1;
            if (run > length - i || run > capacity - o)
                return 0;
            while (run-- > 0)
                out[o++] = in[i++];
            continue;
        }
        size_t run = control >> 5;
        if (run == 7) {
            if (i >= length)
                return 0;
            run += in[i++];
        }
        run += 2;
        if (i >= length)
            return 0;
        size_t back = ((control & 31) << 8) + in[i++] + 1;
        if (back > o || run > capacity - o)
            return 0;
        for (; run > 0; run--, o++)
            out[o] = out[o - back];
    }
    return o;
}

static size_t lzf_filter_chunk(unsigned flags, size_t n_values, const unsigned values[], size_t length, size_t *buffer_size, void **buffer)
{
    if (!(flags & H5Z_FLAG_REVERSE))
        return 0; /* this filter only reads */
    size_t capacity = lzf_expansion * length;
    if (n_values >= 3 && values[2] != 0 && values[2] < capacity)
        capacity = values[2]; /* the chunk's size, noted by the writer */
    unsigned char *out = H5allocate_memory(capacity, 1);
    if (out == NULL)
        return 0;
    size_t decoded = lzf_decode(*buffer, length, out, capacity);
    if (decoded == 0) {
        H5free_memory(out);
        return 0;
    }
    H5free_memory(*buffer);
    *buffer = out;
    *buffer_size = capacity;
    return decoded;
}

herr_t walrus_register_lzf(void)
{
    static const H5Z_class2_t lzf = {
        .version = H5Z_CLASS_T_VERS,
        .id = lzf_filter,
        .encoder_present = 0,
        .decoder_present = 1,
        .name = "lzf",
        .filter = lzf_filter_chunk,
    };
    return H5Zregister(&lzf);
}
