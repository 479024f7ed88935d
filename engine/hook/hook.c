//go:build xla

#include "hook.h"
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

// From Go: the program as it is to be compiled, NULL if that is as it was; the caller frees it.
extern char *editProgram(char *code, size_t size, size_t *edited);
extern void writeProgram(char *code, size_t size);

// The plugin's own functions. One plugin at a time is hooked: its code runs once in a process.
static api_function real_compile, real_execute;

static void *compile(void *a) {
	compile_args *args = a;
	const program *given = args->program;
	program edited = *given;
	char *code = NULL;
	if (given->format_size == 4 && memcmp(given->format, "mlir", 4) == 0) {
		code = editProgram(given->code, given->code_size, &edited.code_size);
	}
	if (code != NULL) {
		edited.code = code;
		args->program = &edited;
	}
	void *error = real_compile(args);
	args->program = given;
	free(code);
	return error;
}

// Without events to fill the call returns once the program is on its way; whoever reads an output waits for it.
static void *execute(void *a) {
	execute_args *args = a;
	args->device_complete_events = NULL;
	return real_execute(args);
}

const api_table *hooked(const char *path, char **error) {
	void *library = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
	const api_table *(*get)(void) = library == NULL ? NULL : (const api_table *(*)(void))dlsym(library, "GetPjrtApi");
	const api_table *api = get == NULL ? NULL : get();
	if (api == NULL) {
		const char *reason = dlerror();
		*error = strdup(reason == NULL ? "GetPjrtApi returned nothing" : reason);
		return NULL;
	}
	if (api->struct_size < sizeof(api_table) + (LOADED_EXECUTABLE_EXECUTE + 1) * sizeof(api_function)) {
		*error = strdup("the plugin's interface is too old");
		return NULL;
	}
	api_table *copy = malloc(api->struct_size);
	if (copy == NULL) {
		*error = strdup("out of memory");
		return NULL;
	}
	memcpy(copy, api, api->struct_size);
	real_compile = api->functions[CLIENT_COMPILE];
	real_execute = api->functions[LOADED_EXECUTABLE_EXECUTE];
	copy->functions[CLIENT_COMPILE] = compile;
	copy->functions[LOADED_EXECUTABLE_EXECUTE] = execute;
	return copy;
}

// The writer. Its arguments are arrays of words: struct_size, extension_start, then what each function is about; clients,
// devices and errors are addresses of things that are never read.
static const char WRITTEN[] = "the program was written and not compiled";
static const char MISSING[] = "a writer of programs runs nothing";
static const char NAME[] = "cuda";
static void *devices_of_writer[64];
static int count;

static void *nothing(void *a) { (void)a; return NULL; }
static void *missing(void *a) { (void)a; return (void *)MISSING; }

static void *error_message(void *a) {
	void **args = a;
	const char *text = args[2];
	args[3] = (void *)text;
	args[4] = (void *)strlen(text);
	return NULL;
}
static void *error_code(void *a) {
	enum { UNIMPLEMENTED = 12 };
	*(int *)((void **)a + 3) = UNIMPLEMENTED;
	return NULL;
}
static void *attributes(void *a) {
	void **args = a;
	args[2] = args[3] = NULL;
	return NULL;
}
static void *client_create(void *a) {
	((void **)a)[8] = &count;
	return NULL;
}
static void *platform(void *a) {
	void **args = a;
	args[3] = (void *)NAME;
	args[4] = (void *)(sizeof NAME - 1);
	return NULL;
}
static void *process_index(void *a) {
	*(int *)((void **)a + 3) = 0;
	return NULL;
}
static void *addressable(void *a) {
	void **args = a;
	args[3] = devices_of_writer;
	args[4] = (void *)(intptr_t)count;
	return NULL;
}
static void *hardware_id(void *a) {
	void **args = a;
	*(int *)(args + 3) = (int)((void **)args[2] - devices_of_writer);
	return NULL;
}
static void *device_assignment(void *a) { // client, int replicas, int partitions, size_t size, int *assignment
	void **args = a;
	int *assignment = args[5];
	for (size_t i = 0; i < (size_t)args[4]; i++) assignment[i] = (int)i;
	return NULL;
}
static void *compile_written(void *a) {
	const program *given = ((compile_args *)a)->program;
	writeProgram(given->code, given->code_size);
	return (void *)WRITTEN;
}

const api_table *writer(int devices) {
	static api_table *api;
	count = devices;
	if (count > (int)(sizeof devices_of_writer / sizeof *devices_of_writer)) return NULL;
	if (api != NULL) return api;
	size_t size = sizeof(api_table) + FUNCTIONS_OF_0_104 * sizeof(api_function);
	api = calloc(1, size);
	if (api == NULL) return NULL;
	api->struct_size = size;
	api->version.struct_size = sizeof api->version;
	api->version.minor_version = 104;
	for (int i = 0; i < FUNCTIONS_OF_0_104; i++) api->functions[i] = missing;
	for (int i = 0; i < 64; i++) devices_of_writer[i] = devices_of_writer + i;
	api->functions[ERROR_DESTROY] = nothing;
	api->functions[ERROR_MESSAGE] = error_message;
	api->functions[ERROR_GET_CODE] = error_code;
	api->functions[PLUGIN_INITIALIZE] = nothing;
	api->functions[PLUGIN_ATTRIBUTES] = attributes;
	api->functions[CLIENT_CREATE] = client_create;
	api->functions[CLIENT_DESTROY] = nothing;
	api->functions[CLIENT_PLATFORM_NAME] = platform;
	api->functions[CLIENT_PLATFORM_VERSION] = platform;
	api->functions[CLIENT_PROCESS_INDEX] = process_index;
	api->functions[CLIENT_ADDRESSABLE_DEVICES] = addressable;
	api->functions[CLIENT_DEFAULT_DEVICE_ASSIGNMENT] = device_assignment;
	api->functions[CLIENT_COMPILE] = compile_written;
	api->functions[DEVICE_LOCAL_HARDWARE_ID] = hardware_id;
	return api;
}

const char *refusal(void) { return WRITTEN; }
