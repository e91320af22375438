/* Stand-in for libnvidia-ml.so.1: the functions that the suite calls, answered from a file. See README.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, DRIVER_NOT_LOADED = 9 };
enum { GPU_LIMIT = 16 };

struct gpu {
    long long energy_mj, power_mw;
    char name[64];
};

static int initialised;

/* Returns how many GPUs the file has, or -1. */
static int look(struct gpu *gpus)
{
    const char *path = getenv("FAKE_NVML");
    FILE *file = path ? fopen(path, "r") : NULL;
    int count = 0;
    if (!file)
        return -1;
    while (count < GPU_LIMIT && fscanf(file, "%lld %lld %63[^\n]", &gpus[count].energy_mj, &gpus[count].power_mw,
                                       gpus[count].name) == 3)
        count++;
    fclose(file);
    return count;
}

static int pick(void *device, struct gpu *found)
{
    struct gpu gpus[GPU_LIMIT];
    long index = (long)device - 1;
    int count = look(gpus);
    if (!initialised)
        return UNINITIALIZED;
    if (count < 0)
        return DRIVER_NOT_LOADED;
    if (index < 0 || index >= count)
        return INVALID_ARGUMENT;
    *found = gpus[index];
    return SUCCESS;
}

int nvmlInit_v2(void)
{
    struct gpu gpus[GPU_LIMIT];
    initialised = look(gpus) >= 0;
    return initialised ? SUCCESS : DRIVER_NOT_LOADED;
}

int nvmlShutdown(void)
{
    initialised = 0;
    return SUCCESS;
}

int nvmlDeviceGetCount_v2(unsigned *count)
{
    struct gpu gpus[GPU_LIMIT];
    int found = look(gpus);
    *count = found < 0 ? 0 : (unsigned)found;
    return found < 0 ? DRIVER_NOT_LOADED : SUCCESS;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device)
{
    struct gpu found;
    *device = (void *)(long)(index + 1);
    return pick(*device, &found);
}

int nvmlDeviceGetName(void *device, char *name, unsigned length)
{
    struct gpu found;
    int code = pick(device, &found);
    if (code == SUCCESS)
        snprintf(name, length, "%s", found.name);
    return code;
}

int nvmlDeviceGetTotalEnergyConsumption(void *device, unsigned long long *energy_mj)
{
    struct gpu found;
    int code = pick(device, &found);
    if (code == SUCCESS && found.energy_mj < 0)
        return NOT_SUPPORTED;
    *energy_mj = (unsigned long long)found.energy_mj;
    return code;
}

int nvmlDeviceGetPowerUsage(void *device, unsigned *power_mw)
{
    struct gpu found;
    int code = pick(device, &found);
    if (code == SUCCESS && found.power_mw < 0)
        return NOT_SUPPORTED;
    *power_mw = (unsigned)found.power_mw;
    return code;
}
