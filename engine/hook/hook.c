//go:build xla

#include "hook.h"
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

// From Go: the program as it is to be compiled, NULL if that is as it was; the caller frees it.
extern char *editProgram(char *code, size_t size, size_t *edited);
extern void writeProgram(char *code, size_t size);

// From Go: the file that a compiled program is kept in, NULL if it is not; the caller frees it, and what readProgram finds there,
// NULL if that is nothing.
extern char *programFile(bytes code, bytes options, bytes platform, bytes kind);
extern char *readProgram(char *file, size_t *size);
extern void keepProgram(char *file, bytes program);
extern void noteFailure(char *doing, bytes reason);

// The plugin's own functions. One plugin at a time is hooked: its code runs once in a process.
static const api_function *real;

// failed tells whether a call went wrong, which is then noted and forgotten.
static int failed(char *doing, void *error) {
	if (error == NULL) return 0;
	question q = {sizeof q, NULL, error, {NULL, 0}};
	real[ERROR_MESSAGE](&q);
	noteFailure(doing, q.answer);
	real[ERROR_DESTROY](&q);
	return 1;
}

// keep_file is the file of a program, as programFile.
static char *keep_file(const compile_args *args) {
	if (real[EXECUTABLE_SERIALIZE] == NULL || real[EXECUTABLE_DESERIALIZE_AND_LOAD] == NULL) return NULL;
	question platform = {sizeof platform, NULL, args->client, {NULL, 0}};
	question devices = platform; // start and size are an array and its length
	if (failed("platform", real[CLIENT_PLATFORM_VERSION](&platform)) || failed("devices", real[CLIENT_ADDRESSABLE_DEVICES](&devices)) ||
		devices.answer.size == 0) return NULL;
	void *description[4] = {(void *)sizeof description, NULL, *(void **)devices.answer.start, NULL};
	if (failed("device", real[DEVICE_GET_DESCRIPTION](description))) return NULL;
	question kind = {sizeof kind, NULL, description[3], {NULL, 0}};
	if (failed("kind of device", real[DEVICE_DESCRIPTION_KIND](&kind))) return NULL;
	bytes code = {args->program->code, args->program->code_size};
	return programFile(code, args->compile_options, platform.answer, kind.answer);
}

// load takes a program from its file instead of compiling it, and returns whether it could.
static int load(compile_args *args, char *file) {
	size_t size = 0;
	char *kept = readProgram(file, &size);
	if (kept == NULL) return 0;
	deserialize_args d = {sizeof d, NULL, args->client, {kept, size}, NULL, args->compile_options};
	int wrong = failed("load", real[EXECUTABLE_DESERIALIZE_AND_LOAD](&d));
	free(kept);
	args->executable = d.executable;
	return !wrong;
}

// keep writes a compiled program into its file.
static void keep(void *loaded, char *file) {
	void *executable[4] = {(void *)sizeof executable, NULL, loaded, NULL};
	if (failed("keep", real[LOADED_EXECUTABLE_GET_EXECUTABLE](executable))) return;
	serialize_args s = {sizeof s, NULL, executable[3], {NULL, 0}, NULL, NULL};
	if (!failed("serialize", real[EXECUTABLE_SERIALIZE](&s))) {
		keepProgram(file, s.serialized);
		s.free_owner(s.owner);
	}
	void *done[3] = {(void *)sizeof done, NULL, executable[3]};
	failed("forget", real[EXECUTABLE_DESTROY](done));
}

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
	void *error = NULL;
	char *file = keep_file(args);
	if (file == NULL || !load(args, file)) {
		error = real[CLIENT_COMPILE](args);
		if (file != NULL && error == NULL) keep(args->executable, file);
	}
	args->program = given;
	free(file);
	free(code);
	return error;
}

// Without events to fill the call returns once the program is on its way; whoever reads an output waits for it.
static void *execute(void *a) {
	execute_args *args = a;
	args->device_complete_events = NULL;
	return real[LOADED_EXECUTABLE_EXECUTE](args);
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
	if (api->struct_size < sizeof(api_table) + FUNCTIONS_NEEDED * sizeof(api_function)) {
		*error = strdup("the plugin's interface is too old");
		return NULL;
	}
	api_table *copy = malloc(api->struct_size);
	if (copy == NULL) {
		*error = strdup("out of memory");
		return NULL;
	}
	memcpy(copy, api, api->struct_size);
	real = api->functions;
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
