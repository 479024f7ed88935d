#define _GNU_SOURCE /* names of registers, dladdr */
#include "guard.h"

#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
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

/* The thread that all guarded calls run on, how many there were, and the one that is to end. */
static pthread_t library;
static volatile unsigned long calls;
static volatile unsigned long overdue;

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
    return counter != NULL && dladdr(counter, &here) != 0 && dladdr((void *)malloc, &heap) != 0 && here.dli_fbase == heap.dli_fbase;
}

static void on_signal(int signal, siginfo_t *info, void *context)
{
    if (signal == SIGXCPU && overdue != 0) {
        /* Asked for by walrus_guard_end, which asks again if this moment is not the one. */
        if (!guarding || overdue != calls || in_c_library(context))
            return;
        overdue = 0;
    }
    if (guarding) {
        guarding = 0;
        fault = signal;
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

void walrus_guard_end(unsigned long call)
{
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

int walrus_guard_fault(void)
{
    int signal = fault;
    fault = 0;
    return signal;
}

#define GUARDED(failed, result, name, parameters, arguments)                                                           \
    result guarded_##name parameters                                                                                   \
    {                                                                                                                  \
        if (sigsetjmp(resume, 1) != 0)                                                                                 \
            return failed;                                                                                             \
        calls++;                                                                                                       \
        guarding = 1;                                                                                                  \
        result r = name arguments;                                                                                     \
        guarding = 0;                                                                                                  \
        return r;                                                                                                      \
    }
#include "calls.h"
