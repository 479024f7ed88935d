// What of the PJRT C interface the hook touches. The interface only ever grows at its end ("PJRT C API changelog"), so
// these positions hold for every plugin of version 0.
#ifndef WALRUS_ENGINE_HOOK
#define WALRUS_ENGINE_HOOK
#include <stddef.h>
#include <stdint.h>

typedef void *(*api_function)(void *args);

typedef struct {
	size_t struct_size;
	void *extension_start;
	struct {
		size_t struct_size;
		void *extension_start;
		int major_version, minor_version;
	} version;
	api_function functions[];
} api_table;

// Positions in api_table.functions.
enum {
	ERROR_DESTROY = 0,
	ERROR_MESSAGE = 1,
	ERROR_GET_CODE = 2,
	PLUGIN_INITIALIZE = 3,
	PLUGIN_ATTRIBUTES = 4,
	CLIENT_CREATE = 10,
	CLIENT_DESTROY = 11,
	CLIENT_PLATFORM_NAME = 12,
	CLIENT_PROCESS_INDEX = 13,
	CLIENT_PLATFORM_VERSION = 14,
	CLIENT_ADDRESSABLE_DEVICES = 16,
	CLIENT_COMPILE = 20,
	CLIENT_DEFAULT_DEVICE_ASSIGNMENT = 21,
	DEVICE_DESCRIPTION_KIND = 26,
	DEVICE_GET_DESCRIPTION = 29,
	DEVICE_LOCAL_HARDWARE_ID = 31,
	EXECUTABLE_DESTROY = 40,
	EXECUTABLE_SERIALIZE = 49,
	LOADED_EXECUTABLE_GET_EXECUTABLE = 51,
	LOADED_EXECUTABLE_EXECUTE = 55,
	EXECUTABLE_DESERIALIZE_AND_LOAD = 56,
	FUNCTIONS_NEEDED, // a plugin has at least so many
	FUNCTIONS_OF_0_104 = 160, // more than that version has
};

typedef struct {
	const char *start;
	size_t size;
} bytes;

typedef struct {
	size_t struct_size;
	void *extension_start;
	char *code;
	size_t code_size;
	const char *format;
	size_t format_size;
} program;

typedef struct {
	size_t struct_size;
	void *extension_start;
	void *client;
	const program *program;
	bytes compile_options;
	void *executable;
} compile_args;

typedef struct {
	size_t struct_size;
	void *extension_start;
	const void *executable;
	bytes serialized;
	void *owner; // of those bytes
	void (*free_owner)(void *owner);
} serialize_args;

typedef struct {
	size_t struct_size;
	void *extension_start;
	void *client;
	bytes serialized;
	void *executable;
	bytes compile_options;
} deserialize_args;

// What many functions take: a thing, and what they say about it.
typedef struct {
	size_t struct_size;
	void *extension_start;
	void *of;
	bytes answer;
} question;

typedef struct {
	size_t struct_size;
	void *extension_start;
	void *executable;
	void *options;
	void *argument_lists;
	size_t num_devices, num_args;
	void *output_lists;
	void **device_complete_events;
	void *execute_device;
} execute_args;

// hooked loads a plugin and returns its interface with compilation and execution replaced; NULL with a text in *error, which
// the caller frees.
const api_table *hooked(const char *path, char **error);

// writer returns the interface of a plugin that runs nothing: it hands each program to writeProgram and refuses it.
const api_table *writer(int devices);

// refusal is the text of the refusal.
const char *refusal(void);
#endif
