// SPDX-License-Identifier: Apache-2.0
// Generated from proto/skywalking/ by packages/wire/scripts/generate.mjs: do not edit.
import * as $protobuf from "protobufjs/minimal.js";

/** Namespace skywalking. */
export namespace skywalking {

    /** Namespace v3. */
    namespace v3 {

        /**
         * Properties of a KeyStringValuePair.
         * @deprecated Use skywalking.v3.KeyStringValuePair.$Properties instead.
         */
        interface IKeyStringValuePair extends skywalking.v3.KeyStringValuePair.$Properties {
        }

        /** Represents a KeyStringValuePair. */
        class KeyStringValuePair {

            /**
             * Constructs a new KeyStringValuePair.
             * @param [properties] Properties to set
             */
            constructor(properties?: skywalking.v3.KeyStringValuePair.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** KeyStringValuePair key. */
            key: string;

            /** KeyStringValuePair value. */
            value: string;

            /**
             * Encodes the specified KeyStringValuePair message. Does not implicitly {@link skywalking.v3.KeyStringValuePair.verify|verify} messages.
             * @param message KeyStringValuePair message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: skywalking.v3.KeyStringValuePair.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a KeyStringValuePair message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {skywalking.v3.KeyStringValuePair & skywalking.v3.KeyStringValuePair.$Shape} KeyStringValuePair
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): skywalking.v3.KeyStringValuePair & skywalking.v3.KeyStringValuePair.$Shape;
        }

        namespace KeyStringValuePair {

            /** Properties of a KeyStringValuePair. */
            interface $Properties {

                /** KeyStringValuePair key */
                key?: (string|null);

                /** KeyStringValuePair value */
                value?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a KeyStringValuePair. */
            type $Shape = skywalking.v3.KeyStringValuePair.$Properties;
        }

        /**
         * Properties of a Command.
         * @deprecated Use skywalking.v3.Command.$Properties instead.
         */
        interface ICommand extends skywalking.v3.Command.$Properties {
        }

        /** Represents a Command. */
        class Command {

            /**
             * Constructs a new Command.
             * @param [properties] Properties to set
             */
            constructor(properties?: skywalking.v3.Command.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Command command. */
            command: string;

            /** Command args. */
            args: skywalking.v3.KeyStringValuePair.$Properties[];

            /**
             * Encodes the specified Command message. Does not implicitly {@link skywalking.v3.Command.verify|verify} messages.
             * @param message Command message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: skywalking.v3.Command.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Command message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {skywalking.v3.Command & skywalking.v3.Command.$Shape} Command
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): skywalking.v3.Command & skywalking.v3.Command.$Shape;
        }

        namespace Command {

            /** Properties of a Command. */
            interface $Properties {

                /** Command command */
                command?: (string|null);

                /** Command args */
                args?: (skywalking.v3.KeyStringValuePair.$Properties[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Command. */
            type $Shape = skywalking.v3.Command.$Properties;
        }

        /**
         * Properties of a Commands.
         * @deprecated Use skywalking.v3.Commands.$Properties instead.
         */
        interface ICommands extends skywalking.v3.Commands.$Properties {
        }

        /** Represents a Commands. */
        class Commands {

            /**
             * Constructs a new Commands.
             * @param [properties] Properties to set
             */
            constructor(properties?: skywalking.v3.Commands.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Commands commands. */
            commands: skywalking.v3.Command.$Properties[];

            /**
             * Encodes the specified Commands message. Does not implicitly {@link skywalking.v3.Commands.verify|verify} messages.
             * @param message Commands message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: skywalking.v3.Commands.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Commands message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {skywalking.v3.Commands & skywalking.v3.Commands.$Shape} Commands
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): skywalking.v3.Commands & skywalking.v3.Commands.$Shape;
        }

        namespace Commands {

            /** Properties of a Commands. */
            interface $Properties {

                /** Commands commands */
                commands?: (skywalking.v3.Command.$Properties[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Commands. */
            type $Shape = skywalking.v3.Commands.$Properties;
        }

        /**
         * Properties of a ConfigurationSyncRequest.
         * @deprecated Use skywalking.v3.ConfigurationSyncRequest.$Properties instead.
         */
        interface IConfigurationSyncRequest extends skywalking.v3.ConfigurationSyncRequest.$Properties {
        }

        /** Represents a ConfigurationSyncRequest. */
        class ConfigurationSyncRequest {

            /**
             * Constructs a new ConfigurationSyncRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: skywalking.v3.ConfigurationSyncRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ConfigurationSyncRequest service. */
            service: string;

            /** ConfigurationSyncRequest uuid. */
            uuid: string;

            /**
             * Encodes the specified ConfigurationSyncRequest message. Does not implicitly {@link skywalking.v3.ConfigurationSyncRequest.verify|verify} messages.
             * @param message ConfigurationSyncRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: skywalking.v3.ConfigurationSyncRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ConfigurationSyncRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {skywalking.v3.ConfigurationSyncRequest & skywalking.v3.ConfigurationSyncRequest.$Shape} ConfigurationSyncRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): skywalking.v3.ConfigurationSyncRequest & skywalking.v3.ConfigurationSyncRequest.$Shape;
        }

        namespace ConfigurationSyncRequest {

            /** Properties of a ConfigurationSyncRequest. */
            interface $Properties {

                /** ConfigurationSyncRequest service */
                service?: (string|null);

                /** ConfigurationSyncRequest uuid */
                uuid?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ConfigurationSyncRequest. */
            type $Shape = skywalking.v3.ConfigurationSyncRequest.$Properties;
        }

        /**
         * Properties of a JVMMetricCollection.
         * @deprecated Use skywalking.v3.JVMMetricCollection.$Properties instead.
         */
        interface IJVMMetricCollection extends skywalking.v3.JVMMetricCollection.$Properties {
        }

        /** Represents a JVMMetricCollection. */
        class JVMMetricCollection {

            /**
             * Constructs a new JVMMetricCollection.
             * @param [properties] Properties to set
             */
            constructor(properties?: skywalking.v3.JVMMetricCollection.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** JVMMetricCollection metrics. */
            metrics: skywalking.v3.JVMMetric.$Properties[];

            /** JVMMetricCollection service. */
            service: string;

            /** JVMMetricCollection serviceInstance. */
            serviceInstance: string;

            /**
             * Encodes the specified JVMMetricCollection message. Does not implicitly {@link skywalking.v3.JVMMetricCollection.verify|verify} messages.
             * @param message JVMMetricCollection message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: skywalking.v3.JVMMetricCollection.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a JVMMetricCollection message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {skywalking.v3.JVMMetricCollection & skywalking.v3.JVMMetricCollection.$Shape} JVMMetricCollection
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): skywalking.v3.JVMMetricCollection & skywalking.v3.JVMMetricCollection.$Shape;
        }

        namespace JVMMetricCollection {

            /** Properties of a JVMMetricCollection. */
            interface $Properties {

                /** JVMMetricCollection metrics */
                metrics?: (skywalking.v3.JVMMetric.$Properties[]|null);

                /** JVMMetricCollection service */
                service?: (string|null);

                /** JVMMetricCollection serviceInstance */
                serviceInstance?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a JVMMetricCollection. */
            type $Shape = skywalking.v3.JVMMetricCollection.$Properties;
        }

        /**
         * Properties of a JVMMetric.
         * @deprecated Use skywalking.v3.JVMMetric.$Properties instead.
         */
        interface IJVMMetric extends skywalking.v3.JVMMetric.$Properties {
        }

        /** Represents a JVMMetric. */
        class JVMMetric {

            /**
             * Constructs a new JVMMetric.
             * @param [properties] Properties to set
             */
            constructor(properties?: skywalking.v3.JVMMetric.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** JVMMetric time. */
            time: number;

            /** JVMMetric cpu. */
            cpu?: (skywalking.v3.CPU.$Properties|null);

            /** JVMMetric memory. */
            memory: skywalking.v3.Memory.$Properties[];

            /** JVMMetric memoryPool. */
            memoryPool: skywalking.v3.MemoryPool.$Properties[];

            /** JVMMetric gc. */
            gc: skywalking.v3.GC.$Properties[];

            /** JVMMetric thread. */
            thread?: (skywalking.v3.Thread.$Properties|null);

            /** JVMMetric clazz. */
            clazz?: (skywalking.v3.Class.$Properties|null);

            /**
             * Encodes the specified JVMMetric message. Does not implicitly {@link skywalking.v3.JVMMetric.verify|verify} messages.
             * @param message JVMMetric message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: skywalking.v3.JVMMetric.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a JVMMetric message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {skywalking.v3.JVMMetric & skywalking.v3.JVMMetric.$Shape} JVMMetric
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): skywalking.v3.JVMMetric & skywalking.v3.JVMMetric.$Shape;
        }

        namespace JVMMetric {

            /** Properties of a JVMMetric. */
            interface $Properties {

                /** JVMMetric time */
                time?: (number|null);

                /** JVMMetric cpu */
                cpu?: (skywalking.v3.CPU.$Properties|null);

                /** JVMMetric memory */
                memory?: (skywalking.v3.Memory.$Properties[]|null);

                /** JVMMetric memoryPool */
                memoryPool?: (skywalking.v3.MemoryPool.$Properties[]|null);

                /** JVMMetric gc */
                gc?: (skywalking.v3.GC.$Properties[]|null);

                /** JVMMetric thread */
                thread?: (skywalking.v3.Thread.$Properties|null);

                /** JVMMetric clazz */
                clazz?: (skywalking.v3.Class.$Properties|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a JVMMetric. */
            type $Shape = skywalking.v3.JVMMetric.$Properties;
        }

        /**
         * Properties of a CPU.
         * @deprecated Use skywalking.v3.CPU.$Properties instead.
         */
        interface ICPU extends skywalking.v3.CPU.$Properties {
        }

        /** Represents a CPU. */
        class CPU {

            /**
             * Constructs a new CPU.
             * @param [properties] Properties to set
             */
            constructor(properties?: skywalking.v3.CPU.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** CPU usagePercent. */
            usagePercent: number;

            /**
             * Encodes the specified CPU message. Does not implicitly {@link skywalking.v3.CPU.verify|verify} messages.
             * @param message CPU message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: skywalking.v3.CPU.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a CPU message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {skywalking.v3.CPU & skywalking.v3.CPU.$Shape} CPU
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): skywalking.v3.CPU & skywalking.v3.CPU.$Shape;
        }

        namespace CPU {

            /** Properties of a CPU. */
            interface $Properties {

                /** CPU usagePercent */
                usagePercent?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a CPU. */
            type $Shape = skywalking.v3.CPU.$Properties;
        }

        /**
         * Properties of a Memory.
         * @deprecated Use skywalking.v3.Memory.$Properties instead.
         */
        interface IMemory extends skywalking.v3.Memory.$Properties {
        }

        /** Represents a Memory. */
        class Memory {

            /**
             * Constructs a new Memory.
             * @param [properties] Properties to set
             */
            constructor(properties?: skywalking.v3.Memory.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Memory isHeap. */
            isHeap: boolean;

            /** Memory init. */
            init: number;

            /** Memory max. */
            max: number;

            /** Memory used. */
            used: number;

            /** Memory committed. */
            committed: number;

            /**
             * Encodes the specified Memory message. Does not implicitly {@link skywalking.v3.Memory.verify|verify} messages.
             * @param message Memory message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: skywalking.v3.Memory.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Memory message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {skywalking.v3.Memory & skywalking.v3.Memory.$Shape} Memory
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): skywalking.v3.Memory & skywalking.v3.Memory.$Shape;
        }

        namespace Memory {

            /** Properties of a Memory. */
            interface $Properties {

                /** Memory isHeap */
                isHeap?: (boolean|null);

                /** Memory init */
                init?: (number|null);

                /** Memory max */
                max?: (number|null);

                /** Memory used */
                used?: (number|null);

                /** Memory committed */
                committed?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Memory. */
            type $Shape = skywalking.v3.Memory.$Properties;
        }

        /**
         * Properties of a MemoryPool.
         * @deprecated Use skywalking.v3.MemoryPool.$Properties instead.
         */
        interface IMemoryPool extends skywalking.v3.MemoryPool.$Properties {
        }

        /** Represents a MemoryPool. */
        class MemoryPool {

            /**
             * Constructs a new MemoryPool.
             * @param [properties] Properties to set
             */
            constructor(properties?: skywalking.v3.MemoryPool.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** MemoryPool type. */
            type: skywalking.v3.PoolType;

            /** MemoryPool init. */
            init: number;

            /** MemoryPool max. */
            max: number;

            /** MemoryPool used. */
            used: number;

            /** MemoryPool committed. */
            committed: number;

            /**
             * Encodes the specified MemoryPool message. Does not implicitly {@link skywalking.v3.MemoryPool.verify|verify} messages.
             * @param message MemoryPool message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: skywalking.v3.MemoryPool.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a MemoryPool message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {skywalking.v3.MemoryPool & skywalking.v3.MemoryPool.$Shape} MemoryPool
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): skywalking.v3.MemoryPool & skywalking.v3.MemoryPool.$Shape;
        }

        namespace MemoryPool {

            /** Properties of a MemoryPool. */
            interface $Properties {

                /** MemoryPool type */
                type?: (skywalking.v3.PoolType|null);

                /** MemoryPool init */
                init?: (number|null);

                /** MemoryPool max */
                max?: (number|null);

                /** MemoryPool used */
                used?: (number|null);

                /** MemoryPool committed */
                committed?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a MemoryPool. */
            type $Shape = skywalking.v3.MemoryPool.$Properties;
        }

        /** PoolType enum. */
        enum PoolType {

            /** CODE_CACHE_USAGE value */
            CODE_CACHE_USAGE = 0,

            /** NEWGEN_USAGE value */
            NEWGEN_USAGE = 1,

            /** OLDGEN_USAGE value */
            OLDGEN_USAGE = 2,

            /** SURVIVOR_USAGE value */
            SURVIVOR_USAGE = 3,

            /** PERMGEN_USAGE value */
            PERMGEN_USAGE = 4,

            /** METASPACE_USAGE value */
            METASPACE_USAGE = 5,

            /** ZHEAP_USAGE value */
            ZHEAP_USAGE = 6,

            /** COMPRESSED_CLASS_SPACE_USAGE value */
            COMPRESSED_CLASS_SPACE_USAGE = 7,

            /** CODEHEAP_NON_NMETHODS_USAGE value */
            CODEHEAP_NON_NMETHODS_USAGE = 8,

            /** CODEHEAP_PROFILED_NMETHODS_USAGE value */
            CODEHEAP_PROFILED_NMETHODS_USAGE = 9,

            /** CODEHEAP_NON_PROFILED_NMETHODS_USAGE value */
            CODEHEAP_NON_PROFILED_NMETHODS_USAGE = 10
        }

        /**
         * Properties of a GC.
         * @deprecated Use skywalking.v3.GC.$Properties instead.
         */
        interface IGC extends skywalking.v3.GC.$Properties {
        }

        /** Represents a GC. */
        class GC {

            /**
             * Constructs a new GC.
             * @param [properties] Properties to set
             */
            constructor(properties?: skywalking.v3.GC.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** GC phase. */
            phase: skywalking.v3.GCPhase;

            /** GC count. */
            count: number;

            /** GC time. */
            time: number;

            /**
             * Encodes the specified GC message. Does not implicitly {@link skywalking.v3.GC.verify|verify} messages.
             * @param message GC message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: skywalking.v3.GC.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a GC message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {skywalking.v3.GC & skywalking.v3.GC.$Shape} GC
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): skywalking.v3.GC & skywalking.v3.GC.$Shape;
        }

        namespace GC {

            /** Properties of a GC. */
            interface $Properties {

                /** GC phase */
                phase?: (skywalking.v3.GCPhase|null);

                /** GC count */
                count?: (number|null);

                /** GC time */
                time?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a GC. */
            type $Shape = skywalking.v3.GC.$Properties;
        }

        /** GCPhase enum. */
        enum GCPhase {

            /** NEW value */
            NEW = 0,

            /** OLD value */
            OLD = 1,

            /** NORMAL value */
            NORMAL = 2
        }

        /**
         * Properties of a Thread.
         * @deprecated Use skywalking.v3.Thread.$Properties instead.
         */
        interface IThread extends skywalking.v3.Thread.$Properties {
        }

        /** Represents a Thread. */
        class Thread {

            /**
             * Constructs a new Thread.
             * @param [properties] Properties to set
             */
            constructor(properties?: skywalking.v3.Thread.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Thread liveCount. */
            liveCount: number;

            /** Thread daemonCount. */
            daemonCount: number;

            /** Thread peakCount. */
            peakCount: number;

            /** Thread runnableStateThreadCount. */
            runnableStateThreadCount: number;

            /** Thread blockedStateThreadCount. */
            blockedStateThreadCount: number;

            /** Thread waitingStateThreadCount. */
            waitingStateThreadCount: number;

            /** Thread timedWaitingStateThreadCount. */
            timedWaitingStateThreadCount: number;

            /**
             * Encodes the specified Thread message. Does not implicitly {@link skywalking.v3.Thread.verify|verify} messages.
             * @param message Thread message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: skywalking.v3.Thread.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Thread message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {skywalking.v3.Thread & skywalking.v3.Thread.$Shape} Thread
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): skywalking.v3.Thread & skywalking.v3.Thread.$Shape;
        }

        namespace Thread {

            /** Properties of a Thread. */
            interface $Properties {

                /** Thread liveCount */
                liveCount?: (number|null);

                /** Thread daemonCount */
                daemonCount?: (number|null);

                /** Thread peakCount */
                peakCount?: (number|null);

                /** Thread runnableStateThreadCount */
                runnableStateThreadCount?: (number|null);

                /** Thread blockedStateThreadCount */
                blockedStateThreadCount?: (number|null);

                /** Thread waitingStateThreadCount */
                waitingStateThreadCount?: (number|null);

                /** Thread timedWaitingStateThreadCount */
                timedWaitingStateThreadCount?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Thread. */
            type $Shape = skywalking.v3.Thread.$Properties;
        }

        /**
         * Properties of a Class.
         * @deprecated Use skywalking.v3.Class.$Properties instead.
         */
        interface IClass extends skywalking.v3.Class.$Properties {
        }

        /** Represents a Class. */
        class Class {

            /**
             * Constructs a new Class.
             * @param [properties] Properties to set
             */
            constructor(properties?: skywalking.v3.Class.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Class loadedClassCount. */
            loadedClassCount: number;

            /** Class totalUnloadedClassCount. */
            totalUnloadedClassCount: number;

            /** Class totalLoadedClassCount. */
            totalLoadedClassCount: number;

            /**
             * Encodes the specified Class message. Does not implicitly {@link skywalking.v3.Class.verify|verify} messages.
             * @param message Class message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: skywalking.v3.Class.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Class message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {skywalking.v3.Class & skywalking.v3.Class.$Shape} Class
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): skywalking.v3.Class & skywalking.v3.Class.$Shape;
        }

        namespace Class {

            /** Properties of a Class. */
            interface $Properties {

                /** Class loadedClassCount */
                loadedClassCount?: (number|null);

                /** Class totalUnloadedClassCount */
                totalUnloadedClassCount?: (number|null);

                /** Class totalLoadedClassCount */
                totalLoadedClassCount?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Class. */
            type $Shape = skywalking.v3.Class.$Properties;
        }

        /**
         * Properties of a LogData.
         * @deprecated Use skywalking.v3.LogData.$Properties instead.
         */
        interface ILogData extends skywalking.v3.LogData.$Properties {
        }

        /** Represents a LogData. */
        class LogData {

            /**
             * Constructs a new LogData.
             * @param [properties] Properties to set
             */
            constructor(properties?: skywalking.v3.LogData.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** LogData timestamp. */
            timestamp: number;

            /** LogData service. */
            service: string;

            /** LogData serviceInstance. */
            serviceInstance: string;

            /** LogData endpoint. */
            endpoint: string;

            /** LogData layer. */
            layer: string;

            /**
             * Encodes the specified LogData message. Does not implicitly {@link skywalking.v3.LogData.verify|verify} messages.
             * @param message LogData message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: skywalking.v3.LogData.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a LogData message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {skywalking.v3.LogData & skywalking.v3.LogData.$Shape} LogData
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): skywalking.v3.LogData & skywalking.v3.LogData.$Shape;
        }

        namespace LogData {

            /** Properties of a LogData. */
            interface $Properties {

                /** LogData timestamp */
                timestamp?: (number|null);

                /** LogData service */
                service?: (string|null);

                /** LogData serviceInstance */
                serviceInstance?: (string|null);

                /** LogData endpoint */
                endpoint?: (string|null);

                /** LogData layer */
                layer?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a LogData. */
            type $Shape = skywalking.v3.LogData.$Properties;
        }

        /**
         * Properties of an InstanceProperties.
         * @deprecated Use skywalking.v3.InstanceProperties.$Properties instead.
         */
        interface IInstanceProperties extends skywalking.v3.InstanceProperties.$Properties {
        }

        /** Represents an InstanceProperties. */
        class InstanceProperties {

            /**
             * Constructs a new InstanceProperties.
             * @param [properties] Properties to set
             */
            constructor(properties?: skywalking.v3.InstanceProperties.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** InstanceProperties service. */
            service: string;

            /** InstanceProperties serviceInstance. */
            serviceInstance: string;

            /** InstanceProperties properties. */
            properties: skywalking.v3.KeyStringValuePair.$Properties[];

            /** InstanceProperties layer. */
            layer: string;

            /**
             * Encodes the specified InstanceProperties message. Does not implicitly {@link skywalking.v3.InstanceProperties.verify|verify} messages.
             * @param message InstanceProperties message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: skywalking.v3.InstanceProperties.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an InstanceProperties message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {skywalking.v3.InstanceProperties & skywalking.v3.InstanceProperties.$Shape} InstanceProperties
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): skywalking.v3.InstanceProperties & skywalking.v3.InstanceProperties.$Shape;
        }

        namespace InstanceProperties {

            /** Properties of an InstanceProperties. */
            interface $Properties {

                /** InstanceProperties service */
                service?: (string|null);

                /** InstanceProperties serviceInstance */
                serviceInstance?: (string|null);

                /** InstanceProperties properties */
                properties?: (skywalking.v3.KeyStringValuePair.$Properties[]|null);

                /** InstanceProperties layer */
                layer?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an InstanceProperties. */
            type $Shape = skywalking.v3.InstanceProperties.$Properties;
        }

        /**
         * Properties of an InstancePingPkg.
         * @deprecated Use skywalking.v3.InstancePingPkg.$Properties instead.
         */
        interface IInstancePingPkg extends skywalking.v3.InstancePingPkg.$Properties {
        }

        /** Represents an InstancePingPkg. */
        class InstancePingPkg {

            /**
             * Constructs a new InstancePingPkg.
             * @param [properties] Properties to set
             */
            constructor(properties?: skywalking.v3.InstancePingPkg.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** InstancePingPkg service. */
            service: string;

            /** InstancePingPkg serviceInstance. */
            serviceInstance: string;

            /** InstancePingPkg layer. */
            layer: string;

            /**
             * Encodes the specified InstancePingPkg message. Does not implicitly {@link skywalking.v3.InstancePingPkg.verify|verify} messages.
             * @param message InstancePingPkg message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: skywalking.v3.InstancePingPkg.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an InstancePingPkg message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {skywalking.v3.InstancePingPkg & skywalking.v3.InstancePingPkg.$Shape} InstancePingPkg
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): skywalking.v3.InstancePingPkg & skywalking.v3.InstancePingPkg.$Shape;
        }

        namespace InstancePingPkg {

            /** Properties of an InstancePingPkg. */
            interface $Properties {

                /** InstancePingPkg service */
                service?: (string|null);

                /** InstancePingPkg serviceInstance */
                serviceInstance?: (string|null);

                /** InstancePingPkg layer */
                layer?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an InstancePingPkg. */
            type $Shape = skywalking.v3.InstancePingPkg.$Properties;
        }

        /**
         * Properties of a Label.
         * @deprecated Use skywalking.v3.Label.$Properties instead.
         */
        interface ILabel extends skywalking.v3.Label.$Properties {
        }

        /** Represents a Label. */
        class Label {

            /**
             * Constructs a new Label.
             * @param [properties] Properties to set
             */
            constructor(properties?: skywalking.v3.Label.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Label name. */
            name: string;

            /** Label value. */
            value: string;

            /**
             * Encodes the specified Label message. Does not implicitly {@link skywalking.v3.Label.verify|verify} messages.
             * @param message Label message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: skywalking.v3.Label.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Label message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {skywalking.v3.Label & skywalking.v3.Label.$Shape} Label
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): skywalking.v3.Label & skywalking.v3.Label.$Shape;
        }

        namespace Label {

            /** Properties of a Label. */
            interface $Properties {

                /** Label name */
                name?: (string|null);

                /** Label value */
                value?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Label. */
            type $Shape = skywalking.v3.Label.$Properties;
        }

        /**
         * Properties of a MeterSingleValue.
         * @deprecated Use skywalking.v3.MeterSingleValue.$Properties instead.
         */
        interface IMeterSingleValue extends skywalking.v3.MeterSingleValue.$Properties {
        }

        /** Represents a MeterSingleValue. */
        class MeterSingleValue {

            /**
             * Constructs a new MeterSingleValue.
             * @param [properties] Properties to set
             */
            constructor(properties?: skywalking.v3.MeterSingleValue.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** MeterSingleValue name. */
            name: string;

            /** MeterSingleValue labels. */
            labels: skywalking.v3.Label.$Properties[];

            /** MeterSingleValue value. */
            value: number;

            /**
             * Encodes the specified MeterSingleValue message. Does not implicitly {@link skywalking.v3.MeterSingleValue.verify|verify} messages.
             * @param message MeterSingleValue message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: skywalking.v3.MeterSingleValue.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a MeterSingleValue message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {skywalking.v3.MeterSingleValue & skywalking.v3.MeterSingleValue.$Shape} MeterSingleValue
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): skywalking.v3.MeterSingleValue & skywalking.v3.MeterSingleValue.$Shape;
        }

        namespace MeterSingleValue {

            /** Properties of a MeterSingleValue. */
            interface $Properties {

                /** MeterSingleValue name */
                name?: (string|null);

                /** MeterSingleValue labels */
                labels?: (skywalking.v3.Label.$Properties[]|null);

                /** MeterSingleValue value */
                value?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a MeterSingleValue. */
            type $Shape = skywalking.v3.MeterSingleValue.$Properties;
        }

        /**
         * Properties of a MeterBucketValue.
         * @deprecated Use skywalking.v3.MeterBucketValue.$Properties instead.
         */
        interface IMeterBucketValue extends skywalking.v3.MeterBucketValue.$Properties {
        }

        /** Represents a MeterBucketValue. */
        class MeterBucketValue {

            /**
             * Constructs a new MeterBucketValue.
             * @param [properties] Properties to set
             */
            constructor(properties?: skywalking.v3.MeterBucketValue.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** MeterBucketValue bucket. */
            bucket: number;

            /** MeterBucketValue count. */
            count: number;

            /** MeterBucketValue isNegativeInfinity. */
            isNegativeInfinity: boolean;

            /**
             * Encodes the specified MeterBucketValue message. Does not implicitly {@link skywalking.v3.MeterBucketValue.verify|verify} messages.
             * @param message MeterBucketValue message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: skywalking.v3.MeterBucketValue.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a MeterBucketValue message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {skywalking.v3.MeterBucketValue & skywalking.v3.MeterBucketValue.$Shape} MeterBucketValue
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): skywalking.v3.MeterBucketValue & skywalking.v3.MeterBucketValue.$Shape;
        }

        namespace MeterBucketValue {

            /** Properties of a MeterBucketValue. */
            interface $Properties {

                /** MeterBucketValue bucket */
                bucket?: (number|null);

                /** MeterBucketValue count */
                count?: (number|null);

                /** MeterBucketValue isNegativeInfinity */
                isNegativeInfinity?: (boolean|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a MeterBucketValue. */
            type $Shape = skywalking.v3.MeterBucketValue.$Properties;
        }

        /**
         * Properties of a MeterHistogram.
         * @deprecated Use skywalking.v3.MeterHistogram.$Properties instead.
         */
        interface IMeterHistogram extends skywalking.v3.MeterHistogram.$Properties {
        }

        /** Represents a MeterHistogram. */
        class MeterHistogram {

            /**
             * Constructs a new MeterHistogram.
             * @param [properties] Properties to set
             */
            constructor(properties?: skywalking.v3.MeterHistogram.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** MeterHistogram name. */
            name: string;

            /** MeterHistogram labels. */
            labels: skywalking.v3.Label.$Properties[];

            /** MeterHistogram values. */
            values: skywalking.v3.MeterBucketValue.$Properties[];

            /**
             * Encodes the specified MeterHistogram message. Does not implicitly {@link skywalking.v3.MeterHistogram.verify|verify} messages.
             * @param message MeterHistogram message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: skywalking.v3.MeterHistogram.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a MeterHistogram message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {skywalking.v3.MeterHistogram & skywalking.v3.MeterHistogram.$Shape} MeterHistogram
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): skywalking.v3.MeterHistogram & skywalking.v3.MeterHistogram.$Shape;
        }

        namespace MeterHistogram {

            /** Properties of a MeterHistogram. */
            interface $Properties {

                /** MeterHistogram name */
                name?: (string|null);

                /** MeterHistogram labels */
                labels?: (skywalking.v3.Label.$Properties[]|null);

                /** MeterHistogram values */
                values?: (skywalking.v3.MeterBucketValue.$Properties[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a MeterHistogram. */
            type $Shape = skywalking.v3.MeterHistogram.$Properties;
        }

        /**
         * Properties of a MeterData.
         * @deprecated Use skywalking.v3.MeterData.$Properties instead.
         */
        interface IMeterData extends skywalking.v3.MeterData.$Properties {
        }

        /** Represents a MeterData. */
        class MeterData {

            /**
             * Constructs a new MeterData.
             * @param [properties] Properties to set
             */
            constructor(properties?: skywalking.v3.MeterData.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** MeterData singleValue. */
            singleValue?: (skywalking.v3.MeterSingleValue.$Properties|null);

            /** MeterData histogram. */
            histogram?: (skywalking.v3.MeterHistogram.$Properties|null);

            /** MeterData service. */
            service: string;

            /** MeterData serviceInstance. */
            serviceInstance: string;

            /** MeterData timestamp. */
            timestamp: number;

            /** MeterData metric. */
            metric?: ("singleValue"|"histogram");

            /**
             * Encodes the specified MeterData message. Does not implicitly {@link skywalking.v3.MeterData.verify|verify} messages.
             * @param message MeterData message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: skywalking.v3.MeterData.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a MeterData message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {skywalking.v3.MeterData & skywalking.v3.MeterData.$Shape} MeterData
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): skywalking.v3.MeterData & skywalking.v3.MeterData.$Shape;
        }

        namespace MeterData {

            /** Properties of a MeterData. */
            interface $Properties {

                /** MeterData singleValue */
                singleValue?: (skywalking.v3.MeterSingleValue.$Properties|null);

                /** MeterData histogram */
                histogram?: (skywalking.v3.MeterHistogram.$Properties|null);

                /** MeterData service */
                service?: (string|null);

                /** MeterData serviceInstance */
                serviceInstance?: (string|null);

                /** MeterData timestamp */
                timestamp?: (number|null);

                /** MeterData metric */
                metric?: ("singleValue"|"histogram");

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Narrowed shape of a MeterData. */
            type $Shape = {
              singleValue?: skywalking.v3.MeterSingleValue.$Shape|null;
              histogram?: skywalking.v3.MeterHistogram.$Shape|null;
              service?: string|null;
              serviceInstance?: string|null;
              timestamp?: number|null;
              $unknowns?: Uint8Array[];
            } & (
              ({ metric?: undefined; singleValue?: null; histogram?: null }|{ metric?: "singleValue"; singleValue: skywalking.v3.MeterSingleValue.$Shape; histogram?: null }|{ metric?: "histogram"; singleValue?: null; histogram: skywalking.v3.MeterHistogram.$Shape })
            );
        }

        /**
         * Properties of a MeterDataCollection.
         * @deprecated Use skywalking.v3.MeterDataCollection.$Properties instead.
         */
        interface IMeterDataCollection extends skywalking.v3.MeterDataCollection.$Properties {
        }

        /** Represents a MeterDataCollection. */
        class MeterDataCollection {

            /**
             * Constructs a new MeterDataCollection.
             * @param [properties] Properties to set
             */
            constructor(properties?: skywalking.v3.MeterDataCollection.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** MeterDataCollection meterData. */
            meterData: skywalking.v3.MeterData.$Properties[];

            /**
             * Encodes the specified MeterDataCollection message. Does not implicitly {@link skywalking.v3.MeterDataCollection.verify|verify} messages.
             * @param message MeterDataCollection message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: skywalking.v3.MeterDataCollection.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a MeterDataCollection message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {skywalking.v3.MeterDataCollection & skywalking.v3.MeterDataCollection.$Shape} MeterDataCollection
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): skywalking.v3.MeterDataCollection & skywalking.v3.MeterDataCollection.$Shape;
        }

        namespace MeterDataCollection {

            /** Properties of a MeterDataCollection. */
            interface $Properties {

                /** MeterDataCollection meterData */
                meterData?: (skywalking.v3.MeterData.$Properties[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a MeterDataCollection. */
            type $Shape = {
              meterData?: skywalking.v3.MeterData.$Shape[]|null;
              $unknowns?: Uint8Array[];
            };
        }

        /**
         * Properties of a SegmentObject.
         * @deprecated Use skywalking.v3.SegmentObject.$Properties instead.
         */
        interface ISegmentObject extends skywalking.v3.SegmentObject.$Properties {
        }

        /** Represents a SegmentObject. */
        class SegmentObject {

            /**
             * Constructs a new SegmentObject.
             * @param [properties] Properties to set
             */
            constructor(properties?: skywalking.v3.SegmentObject.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** SegmentObject traceId. */
            traceId: string;

            /** SegmentObject traceSegmentId. */
            traceSegmentId: string;

            /** SegmentObject spans. */
            spans: skywalking.v3.SpanObject.$Properties[];

            /** SegmentObject service. */
            service: string;

            /** SegmentObject serviceInstance. */
            serviceInstance: string;

            /** SegmentObject isSizeLimited. */
            isSizeLimited: boolean;

            /**
             * Encodes the specified SegmentObject message. Does not implicitly {@link skywalking.v3.SegmentObject.verify|verify} messages.
             * @param message SegmentObject message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: skywalking.v3.SegmentObject.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a SegmentObject message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {skywalking.v3.SegmentObject & skywalking.v3.SegmentObject.$Shape} SegmentObject
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): skywalking.v3.SegmentObject & skywalking.v3.SegmentObject.$Shape;
        }

        namespace SegmentObject {

            /** Properties of a SegmentObject. */
            interface $Properties {

                /** SegmentObject traceId */
                traceId?: (string|null);

                /** SegmentObject traceSegmentId */
                traceSegmentId?: (string|null);

                /** SegmentObject spans */
                spans?: (skywalking.v3.SpanObject.$Properties[]|null);

                /** SegmentObject service */
                service?: (string|null);

                /** SegmentObject serviceInstance */
                serviceInstance?: (string|null);

                /** SegmentObject isSizeLimited */
                isSizeLimited?: (boolean|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a SegmentObject. */
            type $Shape = skywalking.v3.SegmentObject.$Properties;
        }

        /**
         * Properties of a SegmentCollection.
         * @deprecated Use skywalking.v3.SegmentCollection.$Properties instead.
         */
        interface ISegmentCollection extends skywalking.v3.SegmentCollection.$Properties {
        }

        /** Represents a SegmentCollection. */
        class SegmentCollection {

            /**
             * Constructs a new SegmentCollection.
             * @param [properties] Properties to set
             */
            constructor(properties?: skywalking.v3.SegmentCollection.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** SegmentCollection segments. */
            segments: skywalking.v3.SegmentObject.$Properties[];

            /**
             * Encodes the specified SegmentCollection message. Does not implicitly {@link skywalking.v3.SegmentCollection.verify|verify} messages.
             * @param message SegmentCollection message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: skywalking.v3.SegmentCollection.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a SegmentCollection message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {skywalking.v3.SegmentCollection & skywalking.v3.SegmentCollection.$Shape} SegmentCollection
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): skywalking.v3.SegmentCollection & skywalking.v3.SegmentCollection.$Shape;
        }

        namespace SegmentCollection {

            /** Properties of a SegmentCollection. */
            interface $Properties {

                /** SegmentCollection segments */
                segments?: (skywalking.v3.SegmentObject.$Properties[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a SegmentCollection. */
            type $Shape = skywalking.v3.SegmentCollection.$Properties;
        }

        /**
         * Properties of a SpanObject.
         * @deprecated Use skywalking.v3.SpanObject.$Properties instead.
         */
        interface ISpanObject extends skywalking.v3.SpanObject.$Properties {
        }

        /** Represents a SpanObject. */
        class SpanObject {

            /**
             * Constructs a new SpanObject.
             * @param [properties] Properties to set
             */
            constructor(properties?: skywalking.v3.SpanObject.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** SpanObject spanId. */
            spanId: number;

            /** SpanObject parentSpanId. */
            parentSpanId: number;

            /** SpanObject startTime. */
            startTime: number;

            /** SpanObject endTime. */
            endTime: number;

            /** SpanObject refs. */
            refs: skywalking.v3.SegmentReference.$Properties[];

            /** SpanObject operationName. */
            operationName: string;

            /** SpanObject peer. */
            peer: string;

            /** SpanObject spanType. */
            spanType: skywalking.v3.SpanType;

            /** SpanObject spanLayer. */
            spanLayer: skywalking.v3.SpanLayer;

            /** SpanObject componentId. */
            componentId: number;

            /** SpanObject isError. */
            isError: boolean;

            /** SpanObject tags. */
            tags: skywalking.v3.KeyStringValuePair.$Properties[];

            /** SpanObject logs. */
            logs: skywalking.v3.Log.$Properties[];

            /** SpanObject skipAnalysis. */
            skipAnalysis: boolean;

            /**
             * Encodes the specified SpanObject message. Does not implicitly {@link skywalking.v3.SpanObject.verify|verify} messages.
             * @param message SpanObject message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: skywalking.v3.SpanObject.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a SpanObject message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {skywalking.v3.SpanObject & skywalking.v3.SpanObject.$Shape} SpanObject
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): skywalking.v3.SpanObject & skywalking.v3.SpanObject.$Shape;
        }

        namespace SpanObject {

            /** Properties of a SpanObject. */
            interface $Properties {

                /** SpanObject spanId */
                spanId?: (number|null);

                /** SpanObject parentSpanId */
                parentSpanId?: (number|null);

                /** SpanObject startTime */
                startTime?: (number|null);

                /** SpanObject endTime */
                endTime?: (number|null);

                /** SpanObject refs */
                refs?: (skywalking.v3.SegmentReference.$Properties[]|null);

                /** SpanObject operationName */
                operationName?: (string|null);

                /** SpanObject peer */
                peer?: (string|null);

                /** SpanObject spanType */
                spanType?: (skywalking.v3.SpanType|null);

                /** SpanObject spanLayer */
                spanLayer?: (skywalking.v3.SpanLayer|null);

                /** SpanObject componentId */
                componentId?: (number|null);

                /** SpanObject isError */
                isError?: (boolean|null);

                /** SpanObject tags */
                tags?: (skywalking.v3.KeyStringValuePair.$Properties[]|null);

                /** SpanObject logs */
                logs?: (skywalking.v3.Log.$Properties[]|null);

                /** SpanObject skipAnalysis */
                skipAnalysis?: (boolean|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a SpanObject. */
            type $Shape = skywalking.v3.SpanObject.$Properties;
        }

        /**
         * Properties of a SegmentReference.
         * @deprecated Use skywalking.v3.SegmentReference.$Properties instead.
         */
        interface ISegmentReference extends skywalking.v3.SegmentReference.$Properties {
        }

        /** Represents a SegmentReference. */
        class SegmentReference {

            /**
             * Constructs a new SegmentReference.
             * @param [properties] Properties to set
             */
            constructor(properties?: skywalking.v3.SegmentReference.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** SegmentReference refType. */
            refType: skywalking.v3.RefType;

            /** SegmentReference traceId. */
            traceId: string;

            /** SegmentReference parentTraceSegmentId. */
            parentTraceSegmentId: string;

            /** SegmentReference parentSpanId. */
            parentSpanId: number;

            /** SegmentReference parentService. */
            parentService: string;

            /** SegmentReference parentServiceInstance. */
            parentServiceInstance: string;

            /** SegmentReference parentEndpoint. */
            parentEndpoint: string;

            /** SegmentReference networkAddressUsedAtPeer. */
            networkAddressUsedAtPeer: string;

            /**
             * Encodes the specified SegmentReference message. Does not implicitly {@link skywalking.v3.SegmentReference.verify|verify} messages.
             * @param message SegmentReference message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: skywalking.v3.SegmentReference.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a SegmentReference message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {skywalking.v3.SegmentReference & skywalking.v3.SegmentReference.$Shape} SegmentReference
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): skywalking.v3.SegmentReference & skywalking.v3.SegmentReference.$Shape;
        }

        namespace SegmentReference {

            /** Properties of a SegmentReference. */
            interface $Properties {

                /** SegmentReference refType */
                refType?: (skywalking.v3.RefType|null);

                /** SegmentReference traceId */
                traceId?: (string|null);

                /** SegmentReference parentTraceSegmentId */
                parentTraceSegmentId?: (string|null);

                /** SegmentReference parentSpanId */
                parentSpanId?: (number|null);

                /** SegmentReference parentService */
                parentService?: (string|null);

                /** SegmentReference parentServiceInstance */
                parentServiceInstance?: (string|null);

                /** SegmentReference parentEndpoint */
                parentEndpoint?: (string|null);

                /** SegmentReference networkAddressUsedAtPeer */
                networkAddressUsedAtPeer?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a SegmentReference. */
            type $Shape = skywalking.v3.SegmentReference.$Properties;
        }

        /**
         * Properties of a Log.
         * @deprecated Use skywalking.v3.Log.$Properties instead.
         */
        interface ILog extends skywalking.v3.Log.$Properties {
        }

        /** Represents a Log. */
        class Log {

            /**
             * Constructs a new Log.
             * @param [properties] Properties to set
             */
            constructor(properties?: skywalking.v3.Log.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Log time. */
            time: number;

            /** Log data. */
            data: skywalking.v3.KeyStringValuePair.$Properties[];

            /**
             * Encodes the specified Log message. Does not implicitly {@link skywalking.v3.Log.verify|verify} messages.
             * @param message Log message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: skywalking.v3.Log.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Log message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {skywalking.v3.Log & skywalking.v3.Log.$Shape} Log
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): skywalking.v3.Log & skywalking.v3.Log.$Shape;
        }

        namespace Log {

            /** Properties of a Log. */
            interface $Properties {

                /** Log time */
                time?: (number|null);

                /** Log data */
                data?: (skywalking.v3.KeyStringValuePair.$Properties[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Log. */
            type $Shape = skywalking.v3.Log.$Properties;
        }

        /** SpanType enum. */
        enum SpanType {

            /** Entry value */
            Entry = 0,

            /** Exit value */
            Exit = 1,

            /** Local value */
            Local = 2
        }

        /** SpanLayer enum. */
        enum SpanLayer {

            /** Unknown value */
            Unknown = 0,

            /** Database value */
            Database = 1,

            /** RPCFramework value */
            RPCFramework = 2,

            /** Http value */
            Http = 3,

            /** MQ value */
            MQ = 4,

            /** Cache value */
            Cache = 5,

            /** FAAS value */
            FAAS = 6
        }

        /** RefType enum. */
        enum RefType {

            /** CrossProcess value */
            CrossProcess = 0,

            /** CrossThread value */
            CrossThread = 1
        }
    }
}

/** Namespace grpc. */
export namespace grpc {

    /** Namespace health. */
    namespace health {

        /** Namespace v1. */
        namespace v1 {

            /**
             * Properties of a HealthCheckRequest.
             * @deprecated Use grpc.health.v1.HealthCheckRequest.$Properties instead.
             */
            interface IHealthCheckRequest extends grpc.health.v1.HealthCheckRequest.$Properties {
            }

            /** Represents a HealthCheckRequest. */
            class HealthCheckRequest {

                /**
                 * Constructs a new HealthCheckRequest.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: grpc.health.v1.HealthCheckRequest.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** HealthCheckRequest service. */
                service: string;

                /**
                 * Encodes the specified HealthCheckRequest message. Does not implicitly {@link grpc.health.v1.HealthCheckRequest.verify|verify} messages.
                 * @param message HealthCheckRequest message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: grpc.health.v1.HealthCheckRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a HealthCheckRequest message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {grpc.health.v1.HealthCheckRequest & grpc.health.v1.HealthCheckRequest.$Shape} HealthCheckRequest
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): grpc.health.v1.HealthCheckRequest & grpc.health.v1.HealthCheckRequest.$Shape;
            }

            namespace HealthCheckRequest {

                /** Properties of a HealthCheckRequest. */
                interface $Properties {

                    /** HealthCheckRequest service */
                    service?: (string|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a HealthCheckRequest. */
                type $Shape = grpc.health.v1.HealthCheckRequest.$Properties;
            }

            /**
             * Properties of a HealthCheckResponse.
             * @deprecated Use grpc.health.v1.HealthCheckResponse.$Properties instead.
             */
            interface IHealthCheckResponse extends grpc.health.v1.HealthCheckResponse.$Properties {
            }

            /** Represents a HealthCheckResponse. */
            class HealthCheckResponse {

                /**
                 * Constructs a new HealthCheckResponse.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: grpc.health.v1.HealthCheckResponse.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** HealthCheckResponse status. */
                status: grpc.health.v1.HealthCheckResponse.ServingStatus;

                /**
                 * Encodes the specified HealthCheckResponse message. Does not implicitly {@link grpc.health.v1.HealthCheckResponse.verify|verify} messages.
                 * @param message HealthCheckResponse message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: grpc.health.v1.HealthCheckResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a HealthCheckResponse message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {grpc.health.v1.HealthCheckResponse & grpc.health.v1.HealthCheckResponse.$Shape} HealthCheckResponse
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): grpc.health.v1.HealthCheckResponse & grpc.health.v1.HealthCheckResponse.$Shape;
            }

            namespace HealthCheckResponse {

                /** Properties of a HealthCheckResponse. */
                interface $Properties {

                    /** HealthCheckResponse status */
                    status?: (grpc.health.v1.HealthCheckResponse.ServingStatus|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a HealthCheckResponse. */
                type $Shape = grpc.health.v1.HealthCheckResponse.$Properties;

                /** ServingStatus enum. */
                enum ServingStatus {

                    /** UNKNOWN value */
                    UNKNOWN = 0,

                    /** SERVING value */
                    SERVING = 1,

                    /** NOT_SERVING value */
                    NOT_SERVING = 2,

                    /** SERVICE_UNKNOWN value */
                    SERVICE_UNKNOWN = 3
                }
            }
        }
    }
}
