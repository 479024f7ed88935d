#include "guard.h"

#include <setjmp.h>
#include <signal.h>
#include <stddef.h>

enum { n_signals = 4 };
static const int signals[n_signals] = {SIGSEGV, SIGBUS, SIGFPE, SIGABRT};
static struct sigaction before[n_signals];

/* Where to go on after a fault, while a guarded call runs on this thread. */
static __thread sigjmp_buf resume;
static __thread volatile sig_atomic_t guarding;
static __thread volatile sig_atomic_t fault;

static void on_signal(int signal, siginfo_t *info, void *context)
{
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

int walrus_guard_start(void)
{
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
        guarding = 1;                                                                                                  \
        result r = name arguments;                                                                                     \
        guarding = 0;                                                                                                  \
        return r;                                                                                                      \
    }
#include "calls.h"
