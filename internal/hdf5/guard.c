#define _GNU_SOURCE /* names of registers, dladdr */
#include "shim.h"

#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <ucontext.h>

enum { n_signals = 5 };
static const int signals[n_signals] = {SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGXCPU};
static struct sigaction before[n_signals];

/* Where to go on after a fault, while a guarded call runs on this thread. */
static __thread sigjmp_buf resume;
static __thread volatile sig_atomic_t guarding;
static __thread volatile sig_atomic_t fault;

/* Whether a fault may have left the heap damaged or its lock taken, whether heap and library are being tried, and whether they are lost. */
static volatile sig_atomic_t suspect;
static volatile sig_atomic_t trying;
static volatile sig_atomic_t broken;

/* The thread that all guarded calls run on, how many there were, and the one that is to end, in the C library too if it must. */
static pthread_t library;
static volatile unsigned long calls;
static volatile unsigned long overdue;
static volatile sig_atomic_t insisting;

/* Whether the thread was stopped inside the C library, which may hold a lock there, that of the heap above all. */
static int in_c_library(const void *context)
{
    const ucontext_t *at = context;
#if defined(__linux__) && defined(__x86_64__)
    void *counter = (void *)at->uc_mcontext.gregs[REG_RIP];
#elif defined(__linux__) && defined(__aarch64__)
    void *counter = (void *)at->uc_mcontext.pc;
#else
    void *counter = NULL;
    (void)at;
#endif
    Dl_info here, heap;
    return counter != NULL && dladdr(counter, &here) != 0 && dladdr((void *)free, &heap) != 0 && here.dli_fbase == heap.dli_fbase;
}

static void on_signal(int signal, siginfo_t *info, void *context)
{
    if (signal == SIGXCPU && overdue != 0) {
        /* Asked for by walrus_guard_end, which asks again if this moment is not the one. */
        if (!guarding || overdue != calls || (!insisting && in_c_library(context)))
            return;
        overdue = 0;
    }
    if (guarding) {
        guarding = 0;
        fault = signal;
        /* An abort is the C library's word for a damaged heap, and may leave its lock taken, as any stop inside of it may. */
        if (signal == SIGABRT || in_c_library(context))
            suspect = 1;
        broken = broken || trying || (signal == SIGXCPU && insisting);
        siglongjmp(resume, 1);
    }
    for (int i = 0; i < n_signals; i++)
        if (signals[i] == signal && before[i].sa_handler != SIG_DFL && before[i].sa_handler != SIG_IGN) {
            if (before[i].sa_flags & SA_SIGINFO)
                before[i].sa_sigaction(signal, info, context);
            else
                before[i].sa_handler(signal);
            return;
        }
    struct sigaction plain = {.sa_handler = SIG_DFL};
    sigaction(signal, &plain, NULL);
    raise(signal);
}

unsigned long walrus_guard_calls(void) { return calls; }

double walrus_guard_time(void)
{
#ifdef __linux__
    clockid_t clock;
    struct timespec t;
    if (pthread_getcpuclockid(library, &clock) == 0 && clock_gettime(clock, &t) == 0)
        return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
#endif
    return -1;
}

static size_t largest;

void walrus_guard_limit(unsigned long long bytes) { largest = bytes < SIZE_MAX ? (size_t)bytes : SIZE_MAX; }

#ifdef WALRUS_WRAPPED
/* What libhdf5 asks the heap for, where it is linked statically (link_static.go): a damaged file makes it ask for any size. */
static int refused(size_t size) { return guarding && largest > 0 && size > largest; }

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_malloc(size_t size) { return refused(size) ? NULL : __real_malloc(size); }
void *__wrap_calloc(size_t n, size_t size) { return size > 0 && n > SIZE_MAX / size ? NULL : refused(n * size) ? NULL : __real_calloc(n, size); }
void *__wrap_realloc(void *memory, size_t size) { return refused(size) ? NULL : __real_realloc(memory, size); }
#endif

void walrus_guard_end(unsigned long call, int insist)
{
    insisting = insist;
    overdue = call;
    pthread_kill(library, SIGXCPU);
}

int walrus_guard_start(void)
{
    library = pthread_self();
    for (int i = 0; i < n_signals; i++) {
        /* The Go runtime needs its own flags: an alternative stack, and signals that may nest. */
        if (sigaction(signals[i], NULL, &before[i]) < 0)
            return -1;
        struct sigaction ours = before[i];
        ours.sa_sigaction = on_signal;
        ours.sa_flags |= SA_SIGINFO | SA_ONSTACK;
        if (sigaction(signals[i], &ours, NULL) < 0)
            return -1;
    }
    return 0;
}

double walrus_guard_blocked(void) { return trying ? 1 : suspect ? 10 : 0; }
int walrus_guard_broken(void) { return broken; }

/* Takes blocks of all kinds from the heap, of which the large ones have it put the free ones in order, and gives them back. */
static void try_heap(void)
{
    static const size_t sizes[] = {24, 120, 500, 2000, 10000, 70000, 1 << 20};
    enum { n = sizeof sizes / sizeof sizes[0] };
    void *volatile blocks[n]; /* the compiler may leave out what nobody sees */
    for (int i = 0; i < n; i++)
        blocks[i] = malloc(sizes[i]);
    for (int i = 0; i < n; i++)
        free(blocks[i]);
}

/* Makes a file in memory with a group, an array and a text, and closes it; negative on failure. */
static int try_library(void)
{
    const hsize_t extent = 100, chunk = 10;
    float values[100] = {0};
    const char *text = "text of variable length";
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), creation = H5Pcreate(H5P_DATASET_CREATE), type = walrus_text_type(), space = H5Screate_simple(1, &extent, NULL), one = H5Screate(H5S_SCALAR);
    int failed = H5Pset_fapl_core(access, 1 << 16, 0) < 0 || H5Pset_chunk(creation, 1, &chunk) < 0;
    hid_t file = failed ? -1 : H5Fcreate("walrus_guard_try", H5F_ACC_TRUNC, H5P_DEFAULT, access), group = file < 0 ? -1 : H5Gcreate2(file, "group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    hid_t array = group < 0 ? -1 : H5Dcreate2(group, "array", H5T_NATIVE_FLOAT, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    hid_t attribute = array < 0 ? -1 : H5Acreate2(array, "text", type, one, H5P_DEFAULT, H5P_DEFAULT);
    failed = attribute < 0 || H5Dwrite(array, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0 || H5Awrite(attribute, type, &text) < 0
        || H5Dread(array, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0;
    hid_t all[] = {attribute, array, group, file, one, space, type, creation, access};
    for (int i = 0; i < (int)(sizeof all / sizeof all[0]); i++)
        failed = all[i] < 0 || H5Idec_ref(all[i]) < 0 || failed;
    return failed ? -1 : 0;
}

void walrus_guard_try(void)
{
    fault = 0;
    trying = 1;
    calls++;
    if (sigsetjmp(resume, 1) == 0) {
        guarding = 1;
        try_heap();
        if (try_library() < 0)
            broken = 1;
        guarding = 0;
    }
    trying = 0;
    fault = 0;
}

int walrus_guard_fault(void)
{
    int signal = fault;
    fault = 0;
    return signal;
}

#define GUARDED(failed, result, name, parameters, arguments)                                                           \
    result guarded_##name parameters                                                                                   \
    {                                                                                                                  \
        if (broken || fault)                                                                                           \
            return failed;                                                                                             \
        calls++;                                                                                                       \
        if (guarding) /* called by a function that is guarded as a whole */                                            \
            return name arguments;                                                                                     \
        if (sigsetjmp(resume, 1) != 0)                                                                                 \
            return failed;                                                                                             \
        guarding = 1;                                                                                                  \
        result r = name arguments;                                                                                     \
        guarding = 0;                                                                                                  \
        return r;                                                                                                      \
    }
#include "calls.h"
